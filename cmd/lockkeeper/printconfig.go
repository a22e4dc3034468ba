package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// printConfig writes the settings in effect as a file that --config reads back to the same
// settings. Above each stands what it is for; beside those that are no defaults, who set them.
func printConfig(w io.Writer, fs *pflag.FlagSet, origins map[string]string) error {
	var out bytes.Buffer
	out.WriteString("# Lockkeeper configuration: lockkeeper serve --config THIS-FILE\n")
	var failed error
	fs.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(notSettings, f.Name) {
			return
		}
		value, err := yamlValue(f)
		if err != nil && failed == nil {
			failed = fmt.Errorf("print setting %q: %w", f.Name, err)
		}
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&out, "\n# %s\n", usage)
		if from := origins[f.Name]; from != "" && f.Value.String() != f.DefValue {
			fmt.Fprintf(&out, "# (set by %s)\n", strings.ReplaceAll(from, "\n", " "))
		}
		fmt.Fprintf(&out, "%s:%s\n", f.Name, value)
	})
	if failed != nil {
		return failed
	}
	_, err := w.Write(out.Bytes())
	return err
}

// yamlValue returns what stands after the colon.
func yamlValue(f *pflag.Flag) (string, error) {
	if cluster, ok := f.Value.(*clusterValue); ok {
		if len(*cluster.members) == 0 {
			return " {}", nil
		}
		text, err := yaml.Marshal(*cluster.members)
		indented := strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  ")
		return "\n  " + indented, err
	}
	switch f.Value.Type() {
	case "bool", "int":
		return " " + f.Value.String(), nil
	default:
		text, err := yaml.Marshal(f.Value.String())
		return " " + strings.TrimSpace(string(text)), err
	}
}
