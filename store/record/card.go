package record

import "encoding/json"

// A Card is the value of a member's [CardKey]: who it is and where its doors are. It is JSON,
// in UTF-8, so that members of different versions can read one another's: unknown fields are
// ignored, missing ones are zero.
type Card struct {
	Name      string   `json:"name,omitempty"`
	Version   string   `json:"version,omitempty"`   // of the program
	HTTP      []string `json:"http,omitempty"`      // addresses of its REST door
	ZooKeeper []string `json:"zookeeper,omitempty"` // addresses of its ZooKeeper door
	Started   int64    `json:"started,omitempty"`   // when, in milliseconds since 1970, by its own clock
}

// AppendCard appends the value of a member's card key.
func AppendCard(dst []byte, c Card) []byte {
	text, err := json.Marshal(c)
	if err != nil { // strings, lists of strings and a number always marshal
		text = []byte("{}")
	}
	return append(append(dst, Version), text...)
}

// DecodeCard reads the value of a member's card key.
func DecodeCard(v []byte) (Card, error) {
	r := open("card", v)
	if r.err != nil {
		return Card{}, r.err
	}
	var c Card
	if err := json.Unmarshal(v[r.pos:], &c); err != nil {
		return Card{}, &CorruptError{What: "card", Problem: err.Error()}
	}
	return c, nil
}
