package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// contained is the process that TestGuardKilledInAContainer starts: pid 1, and then, of the same
// call, its worker, whose guard is killed. It returns 0 if nothing is left after that.
func contained(dir string) int {
	if os.Getenv(InitVariable) == "" {
		status, err := Init(context.Background())
		if err != nil {
			fmt.Println(err)
			return 1
		}
		return status.ExitStatus()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	g, err := Start("guard")
	if err == nil {
		err = g.Run(everything(daemon("")+deaf, dir))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, file := range []string{"daemon", "outer", "inner"} {
		for {
			if text, err := os.ReadFile(filepath.Join(dir, file)); err == nil && len(text) > 0 {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				fmt.Println("nobody writes", file)
				return 1
			}
		}
	}
	_ = g.cmd.Process.Kill()
	go func() { // ends with the guard
		for range g.Reports() {
		}
	}()
	err = g.Close(ctx)
	if left := unix.Kill(-1, 0); err != nil || !errors.Is(left, unix.ESRCH) {
		fmt.Printf("the guard is closed: %v; whether others are left: %v\n", err, left)
		return 1
	}
	return 0
}

// TestGuardKilledInAContainer has a guard killed whose command has left somebody behind: what the
// guard would have ended is ended with everything in the container.
func TestGuardKilledInAContainer(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		absent.Skip(t, "pid namespaces: only root can make them")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `mount --make-rprivate / && mount -t proc proc /proc && exec "$@"`, "sh", os.Args[0], "contained", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
