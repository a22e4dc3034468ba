package wire

func (k *Link) append(b []byte) []byte {
	b, start := begin(b, frameLinks)
	b = appendFixed(b, linkSession, k.Session)
	b = appendText(b, linkOwner, k.Owner)
	b = appendText(b, linkDoor, k.Door)
	b = appendText(b, linkHolds, k.Holds)
	b = appendInt(b, linkHoldsToken, k.HoldsToken)
	b = appendInt(b, linkHoldsState, int64(k.HoldsState))
	b = appendInt(b, linkHoldsSinceMS, k.HoldsSinceMS)
	b = appendText(b, linkWaits, k.Waits)
	b = appendInt(b, linkWaitsToken, k.WaitsToken)
	b = appendInt(b, linkWaitsSinceMS, k.WaitsSinceMS)
	b = appendInt(b, linkCycle, k.Cycle)
	b = appendInt(b, linkActors, k.Actors)
	b = appendBool(b, linkCloses, k.Closes)
	return end(b, start)
}

func (r *reader) link() (k Link) {
	in := r.inner()
	for len(in.b) > 0 {
		field, wireType := in.tag()
		switch key(field, wireType) {
		case key(linkSession, typeFixed64):
			k.Session = in.fixed64()
		case key(linkOwner, typeBytes):
			k.Owner = in.text()
		case key(linkDoor, typeBytes):
			k.Door = in.text()
		case key(linkHolds, typeBytes):
			k.Holds = in.text()
		case key(linkHoldsToken, typeVarint):
			k.HoldsToken = int64(in.varint())
		case key(linkHoldsState, typeVarint):
			k.HoldsState = State(in.varint())
		case key(linkHoldsSinceMS, typeVarint):
			k.HoldsSinceMS = int64(in.varint())
		case key(linkWaits, typeBytes):
			k.Waits = in.text()
		case key(linkWaitsToken, typeVarint):
			k.WaitsToken = int64(in.varint())
		case key(linkWaitsSinceMS, typeVarint):
			k.WaitsSinceMS = int64(in.varint())
		case key(linkCycle, typeVarint):
			k.Cycle = int64(in.varint())
		case key(linkActors, typeVarint):
			k.Actors = int64(in.varint())
		case key(linkCloses, typeVarint):
			k.Closes = in.varint() != 0
		default:
			in.skip(wireType)
		}
	}
	if in.err != nil {
		r.fail(in.err)
	}
	return k
}
