package zkapi

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultWords are the four-letter words that are answered when the configuration does not say:
// all but those whose answers grow with the number of watches.
const DefaultWords = "ruok,srvr,stat,mntr,conf,isro,envi,cons,dirs,wchs,crst,srst,dump,hash"

// words answer the four-letter words. Those of always need no store.
var (
	always = map[string]func(d *Door) string{
		"ruok": func(*Door) string { return "imok" },
		"envi": (*Door).envi,
		"gtmk": func(*Door) string { return "0" },
		"stmk": func(*Door) string { return "0" },
	}
	words = map[string]func(d *Door) string{
		"isro": func(*Door) string { return "rw" },
		"srvr": (*Door).srvr,
		"stat": (*Door).stat,
		"mntr": (*Door).mntr,
		"conf": (*Door).conf,
		"cons": (*Door).cons,
		"dirs": (*Door).dirs,
		"dump": (*Door).dump,
		"hash": func(*Door) string { return "" },
		"wchs": (*Door).wchs,
		"wchc": (*Door).wchc,
		"wchp": (*Door).wchp,
		"crst": (*Door).crst,
		"srst": (*Door).srst,
	}
)

func known(word string) bool { return always[word] != nil || words[word] != nil }

// ParseWords reads a list of four-letter words, separated by commas; "*" stands for all. Its
// error completes a sentence that begins with the setting's name.
func ParseWords(list string) ([]string, error) {
	allowed := []string{}
	for word := range strings.SplitSeq(list, ",") {
		switch word = strings.TrimSpace(word); {
		case word == "":
		case word == "*":
			for w := range always {
				allowed = append(allowed, w)
			}
			for w := range words {
				allowed = append(allowed, w)
			}
		case known(word):
			allowed = append(allowed, word)
		default:
			return nil, fmt.Errorf("%.20q is not a four-letter word that there is; choose from %s, wchc, wchp, gtmk, stmk, or *", word, DefaultWords)
		}
	}
	return allowed, nil
}

// word answers a four-letter word, and reports whether the connection began with one. What comes
// behind the word is ignored.
func (c *conn) word(first []byte) bool {
	word := string(first)
	if !known(word) {
		return false
	}
	d := c.door
	answer := ""
	switch {
	case !slices.Contains(d.cfg.Words, word):
		answer = word + " is not executed because it is not in the whitelist.\n"
	case always[word] != nil:
		answer = always[word](d)
	case !d.cfg.Serving():
		answer = "This ZooKeeper instance is not currently serving requests\n"
		if word == "isro" {
			answer = "null"
		}
	default:
		answer = words[word](d)
	}
	c.finish([]byte(answer))
	return true
}
