package wire

// The numbers of the fields, as in stream.proto; a test compares them.
const (
	batchFrames = 1

	frameKind            = 1
	frameID              = 2
	frameSession         = 3
	frameName            = 4
	frameToken           = 5
	frameRequestID       = 6
	frameWaitMS          = 7
	frameTTLMS           = 8
	frameOwner           = 9
	frameReason          = 10
	frameLabels          = 11
	frameMetadata        = 12
	frameTicket          = 13
	frameForce           = 14
	frameTarget          = 15
	frameLimit           = 16
	frameSessions        = 17
	frameClient          = 18
	frameAfter           = 19
	frameState           = 20
	frameRevision        = 21
	frameRepeatedRequest = 22
	framePosition        = 23
	frameSinceMS         = 24
	frameContenders      = 25
	frameTotal           = 26
	frameCause           = 27
	frameEvent           = 28
	frameTimeMS          = 29
	frameLost            = 30
	frameCompat          = 31
	frameMode            = 32
	frameNames           = 33
	frameReentrant       = 34
	frameLockDelayMS     = 35
	frameDeadlock        = 36
	framePermits         = 37
	framePermitLimit     = 38
	frameInUse           = 39
	frameCode            = 40
	frameMessage         = 41
	frameField           = 42
	frameFix             = 43
	frameHighest         = 44
	frameRetryMS         = 45
	frameWaiters         = 46
	frameMember          = 50
	frameCluster         = 51
	frameVersion         = 52
	frameMaxFrame        = 53
	frameMaxInFlight     = 54
	frameEndpoints       = 55
	frameValue           = 60
	framePriority        = 61
	frameCandidate       = 62
	frameKnown           = 63
	frameExpectedMS      = 70
	frameAhead           = 71
	frameLinks           = 72
	frameCount           = 73
	frameParticipant     = 74
	frameClosed          = 75
	frameData            = 76
	frameDataVersion     = 77
	frameLock            = 78
	frameMzxid           = 79

	contenderToken      = 1
	contenderSession    = 2
	contenderState      = 3
	contenderPosition   = 4
	contenderOwner      = 5
	contenderReason     = 6
	contenderMetadata   = 7
	contenderDoor       = 8
	contenderEnqueuedMS = 9
	contenderSinceMS    = 10
	contenderZnode      = 11
	contenderMode       = 12
	contenderRestsMS    = 13
	contenderAhead      = 20
	contenderExpectedMS = 21
	contenderPermits    = 22
	contenderValue      = 60
	contenderPriority   = 61

	linkSession      = 1
	linkOwner        = 2
	linkDoor         = 3
	linkHolds        = 4
	linkHoldsToken   = 5
	linkHoldsState   = 6
	linkHoldsSinceMS = 7
	linkWaits        = 8
	linkWaitsToken   = 9
	linkWaitsSinceMS = 10
	linkCycle        = 11
	linkActors       = 12
	linkCloses       = 13

	lostSession = 1
	lostCause   = 2

	pairKey   = 1
	pairValue = 2
)

// The wire types of protocol buffers that stand in front of a field's value.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)
