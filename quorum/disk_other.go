//go:build !linux && !darwin && !freebsd

package quorum

import (
	"errors"
	"fmt"
)

func freeDisk(dir string) (uint64, error) {
	return 0, fmt.Errorf("free disk of %s: %w", dir, errors.ErrUnsupported)
}
