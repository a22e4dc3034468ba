package sdk

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// QueueLimit is how many contenders [Client.Queue] returns at most.
const QueueLimit = 1000

// Queue returns who holds the lock called name and who waits for it, as of a moment between the call
// and its return; a free lock has none.
func (c *Client) Queue(ctx context.Context, name string) (Queue, error) {
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Limit = wire.Queue, name, QueueLimit
	answer, err := c.ask(ctx, k)
	if err != nil {
		return Queue{}, fmt.Errorf("look at the queue of %q: %w", name, err)
	}
	return queueOf(name, answer), nil
}

func queueOf(name string, answer *wire.Frame) Queue {
	q := Queue{Name: name, Total: int(answer.Total), Revision: answer.Revision}
	for i := range answer.Contenders {
		q.Contenders = append(q.Contenders, contender(&answer.Contenders[i]))
	}
	return q
}
