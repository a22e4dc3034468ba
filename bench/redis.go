package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// Setups of Redis' clients, besides the one that is fastest where workers do not meet.
const (
	asItComes = "as it comes" // as many connections as go-redis has by itself: ten a core
	eager     = "eager"       // tries again sooner than redsync does by itself
)

const (
	// redisConns is as many as there are workers at most, so that none waits for one: twice as
	// fast as what go-redis has by itself.
	redisConns = crowd

	// redisTTL is how long Redis keeps a lock that nobody gives back.
	redisTTL = 30 * time.Second
)

// errNoRedis tells what to do about it.
var errNoRedis = errors.New("no redis-server in PATH: apt-get install redis-server, or scripts/install-test-deps.sh")

// redisParty starts a Redis that has every write on disk before it answers, which is what the
// others promise, too. It is always one: what redsync makes of several shares no log.
func redisParty(ctx context.Context, b *bench, _ int) (_ *party, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errNoRedis
	}
	free, err := freePorts()
	if err != nil {
		return nil, err
	}
	p := &party{series: series{name: "Redis with redsync"}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	dir := b.newDir("redis")
	server, err := startProgram(ctx, dir, path, "--bind", "127.0.0.1", "--port", strconv.Itoa(free.Client),
		"--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(dir, "redis-server.log"))
	if err != nil {
		return nil, err
	}
	p.servers = append(p.servers, server)
	address := fmt.Sprintf("127.0.0.1:%d", free.Client)
	client := redis.NewClient(&redis.Options{Addr: address, PoolSize: redisConns, MinIdleConns: redisConns})
	plain := redis.NewClient(&redis.Options{Addr: address})
	p.closing = append(p.closing, client.Close, plain.Close)
	if err := answering(ctx, client); err != nil {
		return nil, fmt.Errorf("%w; its log: %s", err, server.logged())
	}
	if p.version, err = redisVersion(ctx, client); err != nil {
		return nil, err
	}
	p.mutexes = redisMutexes(client)
	p.others = map[string]func(context.Context, []string) ([]mutex, error){
		asItComes: redisMutexes(plain),
		eager:     redisMutexes(client, redsync.WithRetryDelayFunc(eagerly)),
	}
	return p, nil
}

// answering waits until Redis does.
func answering(ctx context.Context, client *redis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

func redisVersion(ctx context.Context, client *redis.Client) (string, error) {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(info, "redis_version:")
	version, _, _ = strings.Cut(version, "\r\n")
	return fmt.Sprintf("Redis %s, %s", version, release("github.com/go-redsync/redsync/v4")), nil
}

// redisMutexes returns mutexes that try until they have the lock, with redsync's own delays of 50 to 250 ms in
// between if opts do not say otherwise. Its 32 tries would make most of many waiters fail.
func redisMutexes(client *redis.Client, opts ...redsync.Option) func(context.Context, []string) ([]mutex, error) {
	s := redsync.New(goredis.NewPool(client))
	opts = append(opts, redsync.WithTries(math.MaxInt), redsync.WithExpiry(redisTTL))
	return func(_ context.Context, names []string) ([]mutex, error) {
		list := make([]mutex, len(names))
		for i, name := range names {
			list[i] = redisMutex{s.NewMutex(name, opts...)}
		}
		return list, nil
	}
}

// eagerly is the delay of somebody who finds redsync's too long, and pays for it with a server
// that is busy saying no.
func eagerly(int) time.Duration { return 5*time.Millisecond + rand.N(20*time.Millisecond) }

// A redisMutex has redsync's methods under the names of the others'.
type redisMutex struct{ m *redsync.Mutex }

// Lock is part of mutex.
func (r redisMutex) Lock(ctx context.Context) error { return r.m.LockContext(ctx) }

// Unlock is part of mutex.
func (r redisMutex) Unlock(ctx context.Context) error {
	ok, err := r.m.UnlockContext(ctx)
	if err == nil && !ok {
		err = errors.New("redsync: somebody else holds the lock")
	}
	return err
}
