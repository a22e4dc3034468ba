package jute

// A ConnectRequest is the first message of a connection. It has no header.
type ConnectRequest struct {
	Protocol     int32
	LastZxidSeen int64
	Timeout      int32 // milliseconds
	SessionID    int64 // 0: a new session
	Password     []byte
	ReadOnly     bool
	HasReadOnly  bool // whether the client sends, and expects, the byte at the end
}

// Decode sets c to what a frame says, or returns [ErrMalformed].
func (c *ConnectRequest) Decode(frame []byte) error {
	r := NewReader(frame)
	*c = ConnectRequest{
		Protocol: r.Int(), LastZxidSeen: r.Long(), Timeout: r.Int(), SessionID: r.Long(), Password: r.Buffer(),
	}
	if r.Len() > 0 {
		c.ReadOnly, c.HasReadOnly = r.Bool(), true
	}
	return r.Err()
}

// Append appends the message, as one frame.
func (c *ConnectRequest) Append(dst []byte) []byte {
	dst, at := BeginFrame(dst)
	dst = AppendInt(dst, c.Protocol)
	dst = AppendLong(dst, c.LastZxidSeen)
	dst = AppendInt(dst, c.Timeout)
	dst = AppendLong(dst, c.SessionID)
	dst = AppendBuffer(dst, c.Password)
	if c.HasReadOnly {
		dst = AppendBool(dst, c.ReadOnly)
	}
	return EndFrame(dst, at)
}

// PasswordLen is the length of a session's password.
const PasswordLen = 16

// A ConnectResponse answers a [ConnectRequest]. That of a session that is not to be had has a
// zero Timeout, SessionID and Password.
type ConnectResponse struct {
	Protocol    int32
	Timeout     int32 // milliseconds, granted
	SessionID   int64
	Password    [PasswordLen]byte
	ReadOnly    bool
	HasReadOnly bool // as in the request
}

// Decode sets c to what a frame says, or returns [ErrMalformed].
func (c *ConnectResponse) Decode(frame []byte) error {
	r := NewReader(frame)
	*c = ConnectResponse{Protocol: r.Int(), Timeout: r.Int(), SessionID: r.Long()}
	if copy(c.Password[:], r.Buffer()) != PasswordLen {
		return ErrMalformed
	}
	if r.Len() > 0 {
		c.ReadOnly, c.HasReadOnly = r.Bool(), true
	}
	return r.Err()
}

// Append appends the message, as one frame.
func (c *ConnectResponse) Append(dst []byte) []byte {
	dst, at := BeginFrame(dst)
	dst = AppendInt(dst, c.Protocol)
	dst = AppendInt(dst, c.Timeout)
	dst = AppendLong(dst, c.SessionID)
	dst = AppendBuffer(dst, c.Password[:])
	if c.HasReadOnly {
		dst = AppendBool(dst, c.ReadOnly)
	}
	return EndFrame(dst, at)
}
