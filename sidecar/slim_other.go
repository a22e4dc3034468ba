//go:build !linux

package sidecar

// Slim gives back memory that a sidecar does not need, where the system lets it.
func Slim() {}
