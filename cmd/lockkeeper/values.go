package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A sizeValue is a flag in bytes, written as a number or with a binary unit: 512MiB.
type sizeValue int64

var units = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// String writes the size in the greatest unit that needs no fraction.
func (s *sizeValue) String() string {
	n := int64(*s)
	for _, u := range units {
		if u.bytes > 1 && n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// Set reads what String writes.
func (s *sizeValue) Set(text string) error {
	number, factor := text, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			number, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return errors.New("write a number of bytes, or one with KiB, MiB, GiB or TiB")
	}
	*s = sizeValue(n * factor)
	return nil
}

// Type names the kind of value in help texts.
func (s *sizeValue) Type() string { return "size" }

// A clusterValue is a flag that maps member names to peer URLs: a=http://h1:2380,b=http://h2:2380.
type clusterValue struct{ members *map[string]string }

func (c *clusterValue) String() string {
	if c.members == nil {
		return ""
	}
	var parts []string
	for _, name := range sortedKeys(*c.members) {
		parts = append(parts, name+"="+(*c.members)[name])
	}
	return strings.Join(parts, ",")
}

// Set reads what String writes. It replaces what was set before.
func (c *clusterValue) Set(text string) error {
	members := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, url, ok := strings.Cut(part, "=")
		if !ok || name == "" || url == "" {
			return fmt.Errorf("%q is not name=peer-url", part)
		}
		if _, twice := members[name]; twice {
			return fmt.Errorf("member %q is named twice", name)
		}
		members[name] = url
	}
	*c.members = members
	return nil
}

// Type names the kind of value in help texts.
func (c *clusterValue) Type() string { return "name=peer-url,…" }

// fileValue returns a value of the configuration file as its flag would be written.
func fileValue(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64: // every number of a YAML file arrives as one
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return "", fmt.Errorf("%v is not a whole number", v)
		}
		return strconv.FormatInt(int64(v), 10), nil
	case map[string]any:
		var parts []string
		for _, key := range sortedKeys(v) {
			text, ok := v[key].(string)
			if !ok || strings.Contains(text, ",") {
				return "", fmt.Errorf("%s: is not one text", key)
			}
			parts = append(parts, key+"="+text)
		}
		return strings.Join(parts, ","), nil
	case []any:
		var parts []string
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return "", errors.New("is not a list of texts")
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	case nil:
		return "", errors.New("has no value; give one or remove the line")
	default:
		return "", fmt.Errorf("has a value of an unknown kind %T", v)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
