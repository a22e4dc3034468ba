package znode

import (
	"strings"
	"unicode/utf8"
)

// The znodes that every tree has and nobody can delete.
const (
	rootPath   = "/"
	systemPath = "/zookeeper"
	quotaPath  = "/zookeeper/quota"
	configPath = "/zookeeper/config"
)

func isSpecial(path string) bool {
	switch path {
	case rootPath, systemPath, quotaPath, configPath:
		return true
	}
	return false
}

// ValidatePath returns [ErrBadArguments] unless path can name a znode: absolute, without a
// trailing slash (but for "/" itself), without empty, "." and ".." components, valid UTF-8,
// and free of the characters that ZooKeeper forbids.
func ValidatePath(path string) error {
	if !validPath(path) {
		return ErrBadArguments
	}
	return nil
}

func validPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	if len(path) == 1 {
		return true
	}
	start := 1 // of the component at hand
	for i := 1; i < len(path); {
		switch b := path[i]; {
		case b == '/':
			if !validName(path[start:i]) {
				return false
			}
			i++
			start = i
		case b < 0x20 || b == 0x7f:
			return false
		case b < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRuneInString(path[i:])
			if !validRune(r) {
				return false
			}
			i += size
		}
	}
	return validName(path[start:])
}

func validName(name string) bool {
	return name != "" && name != "." && name != ".."
}

// validRune judges runes beyond ASCII. Invalid UTF-8 decodes to U+FFFD and so falls out, as do
// the runes that UTF-16 needs two units for: a unit of a surrogate pair is forbidden.
func validRune(r rune) bool {
	switch {
	case r < 0xa0, r >= 0xd800 && r <= 0xf8ff, r >= 0xfff0:
		return false
	}
	return true
}

// plausible is all that create and delete ask of a path before they look at the tree.
func plausible(path string) bool {
	return strings.IndexByte(path, '/') >= 0 && strings.IndexByte(path, 0) < 0
}

// Split returns the path of the parent and the name under it: "/a" and "b" for "/a/b", "/" and
// "a" for "/a", "/" and "" for "/". It does not validate; a path without a slash is all name.
func Split(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '/')
	switch {
	case i < 0:
		return "", path
	case i == 0:
		return rootPath, path[1:]
	}
	return path[:i], path[i+1:]
}

// Join returns the path of the child of parent called name.
func Join(parent, name string) string {
	if parent == rootPath {
		return parent + name
	}
	return parent + "/" + name
}
