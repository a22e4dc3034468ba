// Package rules names the safety rules of the replication and session protocol, each by the
// accident that its absence allows, so that a simulation can take one rule out and must then
// find the accident. The service itself runs with the zero [Out]: every rule in force.
//
// docs/adr/0005-rules-and-their-accidents.md explains each rule.
package rules

// Out says which rules are taken out. The zero Out takes out none.
type Out struct {
	// Writing.
	NoGuard             bool // a batch commits whatever happened since the writer's last write
	GuardReadAgain      bool // the guard is read from the tree, not remembered from the own last write
	UnknownIsNo         bool // a time-out or a cancelled context counts as 'did not happen'
	RefuseEarly         bool // a refusal leaves before its batch is committed
	RefuseUnlogged      bool // a refusal is not named in the batch's record
	TakeoverOnGain      bool // take over once on gaining leadership, not whenever the epoch is not mine
	ServeUnapplied      bool // serve before the tree has applied the own epoch
	ServeByName         bool // serve because the epoch names this member, without having put it in this leadership
	TakeoverPastBatches bool // a takeover commits although the writer before has written since
	KeepQueue           bool // a takeover keeps what was queued before it
	JudgeBehind         bool // a batch is judged without the one before, which the tree does not show yet
	ReturnToTail        bool // what did not happen returns to the queue's tail
	CloseBlind          bool // a close does not see what its own batch created
	NoOwnerCheck        bool // a request is not held against its session's owner
	WriterResends       bool // the writer, too, sends again what a takeover found unfinished
	ForgetDue           bool // a takeover does not look for grants of permits that the writer before has left

	// Forwarding.
	OpenUnserving   bool // a stream's opening is answered while the writer does not serve
	OpenInFlight    bool // a stream's opening is answered with requests of that member in flight
	TakeOldStreams  bool // messages of an older stream are still taken
	KeepOldQueue    bool // what an older stream queued stays queued
	SameIncarnation bool // a restart uses its incarnation again
	ResendAtOnce    bool // the member sends again without waiting for the opening's revision
	HearOldRefusals bool // a refusal over an older stream counts
	AnswerUnapplied bool // an answer does not wait for the member's tree

	// Touches.
	NoEpochCheck      bool // a touch is confirmed without looking at the epoch again
	NoReadIndex       bool // a touch is confirmed without a read index
	ReadIndexBefore   bool // a read index already under way confirms a touch
	TreeNotAwaited    bool // a read index confirms before the tree has reached it
	AnswerUnconfirmed bool // a touch is answered before it is confirmed
	ConfirmFromLog    bool // a member takes any batch in the log for a confirmation
	ConfirmByEarlier  bool // a batch proposed before the touch confirms it
	KeepTouches       bool // a takeover keeps the old last touches
	TouchesNowEarly   bool // last touches become 'now' before the new epoch is known committed
	KeepClosing       bool // a takeover keeps closing marks
	KeepUnconfirmed   bool // a takeover keeps unconfirmed touches
	CarryCloses       bool // a close whose outcome is unknown is proposed again after a takeover
	TouchWhileClosing bool // a closing session is touched
	TellBeforeClose   bool // a client is told 'expired' before the close is committed
	OldTTL            bool // a deadline is judged with the TTL that the last touch came under
	NoGrace           bool // deadlines without grace

	// Doors and clients.
	ZooKeeperNoThird   bool // a ZooKeeper reply is written however old the last confirmed touch is
	ZooKeeperEvents    bool // a ZooKeeper watch event is written however old the last confirmed touch is
	ZooKeeperReceipt   bool // the age of a touch counts from its confirmation's arrival
	CountFromAnswer    bool // a client counts its TTL from the answer, not from the sending
	ClockBeforeArrival bool // the writer stamps a touch with a clock read before it arrived
}
