//go:build linux

package fencesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver called pgx

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// patience is how long anything may take that a test waits for.
const patience = time.Minute

// errNoPostgres is why the tests with a PostgreSQL are skipped.
var errNoPostgres = errors.New("there is no PostgreSQL here: install Debian's package postgresql")

// A postgres is a PostgreSQL of the tests' own. It listens on a Unix socket in its directory, and
// nowhere else.
type postgres struct {
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // what it ended with
}

// startPostgres starts a PostgreSQL and waits until it answers. The caller must stop it.
func startPostgres() (p *postgres, err error) {
	initdb, err := findInitdb()
	if err != nil {
		return nil, err
	}
	as, err := runAs()
	if err != nil {
		return nil, err
	}
	// Not a test's directory: those are closed to the user that it runs as. Its path is short, as
	// that of a socket must be.
	dir, err := os.MkdirTemp("", "fencesql-")
	if err != nil {
		return nil, err
	}
	p = &postgres{dir: dir, done: make(chan struct{})}
	if as.Credential != nil {
		if err := os.Chown(dir, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	prepare := exec.CommandContext(ctx, initdb, "--pgdata="+p.data(), "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	prepare.SysProcAttr, prepare.Dir = as, dir
	if out, err := prepare.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer log.Close() // the server has its own
	p.cmd = exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", p.data(), "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	p.cmd.SysProcAttr, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = as, dir, log, log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() { // ends with the server, which stop ends and waits for
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	if err := p.answers(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

// address is what the driver takes.
func (p *postgres) address() string {
	return "host=" + p.dir + " port=5432 user=postgres dbname=postgres sslmode=disable"
}

// answers waits until the server takes connections.
func (p *postgres) answers(ctx context.Context) error {
	db, err := sql.Open("pgx", p.address())
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		failure := db.PingContext(ctx)
		if failure == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("postgres has ended: %w: %s", p.err, p.log())
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w: %s", failure, p.log())
		}
	}
}

// log returns the beginning of what the server has written.
func (p *postgres) log() []byte {
	f, err := os.Open(filepath.Join(p.dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 8<<10))
	return text
}

// stop stops the server, which ends its clients' sessions, and removes its directory.
func (p *postgres) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGINT) // its fast shutdown; it may have ended
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return errors.Join(p.err, os.RemoveAll(p.dir))
}

// findInitdb finds the program: in PATH, or where Debian keeps each version's. Beside it is the
// server of the same version.
func findInitdb() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.EvalSymlinks(path)
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%w: no initdb in PATH, nor in /usr/lib/postgresql/*/bin", errNoPostgres)
	}
	return found[len(found)-1], nil
}

// runAs is how its processes run: PostgreSQL refuses root, and takes the user that its package has
// made instead. They end with this process.
func runAs() (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		return as, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: no user for it: %w", errNoPostgres, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return as, nil
}

// server is the PostgreSQL that the tests share. It is started for the first that asks.
var server struct {
	once sync.Once
	p    *postgres
	err  error
}

// postgresAddress returns where the shared PostgreSQL is. Where there is none the test is skipped;
// in continuous integration it fails.
func postgresAddress(tb testing.TB) string {
	tb.Helper()
	server.once.Do(func() { server.p, server.err = startPostgres() })
	switch {
	case errors.Is(server.err, errNoPostgres):
		absent.Skip(tb, "%v", server.err)
	case server.err != nil:
		tb.Fatal(server.err)
	}
	return server.p.address()
}
