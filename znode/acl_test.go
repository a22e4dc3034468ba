package znode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpandACL(t *testing.T) {
	ann := Credential{"digest", "ann:hash"}
	auth := []Credential{{"ip", "10.0.0.1"}, ann, {"x509", "CN=ann"}, {"super", ""}, {"sasl", "ann"}}
	tests := []struct {
		name string
		list []ACL
		auth []Credential
		want []ACL // nil: ErrInvalidACL
	}{
		{"open", OpenACL, nil, OpenACL},
		{"§11.35 null", nil, nil, nil},
		{"§11.35 empty", []ACL{}, nil, nil},
		{"world is anyone only", []ACL{{PermAll, "world", "me"}}, nil, nil},
		{"§11.35 unknown scheme", []ACL{{PermAll, "foo", "bar"}}, nil, nil},
		{"super", []ACL{{PermAll, "super", "x:y"}}, auth, nil},
		{
			"duplicates go, order stays",
			[]ACL{{1, "digest", "b:c"}, {PermAll, "world", "anyone"}, {1, "digest", "b:c"}, {2, "digest", "b:c"}},
			nil,
			[]ACL{{1, "digest", "b:c"}, {PermAll, "world", "anyone"}, {2, "digest", "b:c"}},
		},
		{"duplicates of the open one", []ACL{OpenACL[0], OpenACL[0]}, nil, OpenACL},
		{
			"§11.108 auth becomes all identities but ip and super",
			[]ACL{{3, "auth", "ignored"}},
			auth,
			[]ACL{{3, "digest", "ann:hash"}, {3, "x509", "CN=ann"}, {3, "sasl", "ann"}},
		},
		{"§11.35 auth without identity", []ACL{{PermAll, "auth", ""}}, []Credential{{"ip", "10.0.0.1"}}, nil},
		{"one bad entry spoils all", []ACL{OpenACL[0], {1, "digest", "x"}}, nil, nil},
		{"bits are not validated", []ACL{{1 << 20, "world", "anyone"}}, nil, []ACL{{1 << 20, "world", "anyone"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ExpandACL(test.list, test.auth)
			if (err == nil) != (test.want != nil) || err != nil && err != ErrInvalidACL {
				t.Fatalf("ExpandACL(%v) = %v", test.list, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ExpandACL(%v) (-want +got):\n%s", test.list, diff)
			}
		})
	}
}

func TestValidID(t *testing.T) {
	tests := []struct {
		name, scheme, id string
		ok               bool
	}{
		{"digest", "digest", "ann:hash=", true},
		{"digest without user", "digest", ":hash", true},
		{"digest with trailing colon", "digest", "a:b:", true},
		{"digest without hash", "digest", "a:", false},
		{"digest of three", "digest", "a:b:c", false},
		{"digest without colon", "digest", "a", false},
		{"digest empty", "digest", "", false},
		{"IPv4", "ip", "10.1.2.3", true},
		{"IPv4 net", "ip", "10.1.0.0/16", true},
		{"IPv4 all", "ip", "0.0.0.0/0", true},
		{"IPv4 too many bits", "ip", "10.1.0.0/33", false},
		{"IPv4 signed bits", "ip", "10.1.0.0/+8", false},
		{"IPv4 no bits", "ip", "10.1.0.0/", false},
		{"IPv6", "ip", "2001:db8:0:0:0:0:0:1", true},
		{"IPv6 net", "ip", "2001:db8:0:0:0:0:0:0/32", true},
		{"host name", "ip", "localhost", false},
		{"zone", "ip", "fe80::1%eth0", false},
		{"name", "x509", "CN=ann,OU=lock\\,smiths,O=\"a, b\"", true},
		{"name of several values", "x509", "CN=ann+UID=7,C=DE", true},
		{"name without value key", "x509", "ann", false},
		{"name with empty part", "x509", "CN=ann,,C=DE", false},
		{"name unclosed", "x509", "CN=\"ann", false},
		{"name ends in backslash", "x509", "CN=ann\\", false},
		{"name empty", "x509", "", false},
		{"principal", "sasl", "zk/host@REALM", true},
		{"plain principal", "sasl", "ann", true},
		{"principal of two realms", "sasl", "a@b@c", false},
		{"principal of two instances", "sasl", "a/b/c@R", false},
		{"principal empty", "sasl", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if ok := validID(test.scheme, test.id); ok != test.ok {
				t.Errorf("validID(%q, %q) = %v; want %v", test.scheme, test.id, ok, test.ok)
			}
		})
	}
}

func TestPermits(t *testing.T) {
	ann, bob := Credential{"digest", "ann:1"}, Credential{"digest", "bob:2"}
	tests := []struct {
		name string
		list []ACL
		auth []Credential
		perm Perm
		want bool
	}{
		{"empty list", nil, nil, PermAdmin, true},
		{"world", OpenACL, nil, PermAdmin, true},
		{"world without the bit", readACL, nil, PermWrite, false},
		{"§11.107 exactly its bits", []ACL{{PermWrite, "digest", "ann:1"}}, []Credential{ann}, PermRead, false},
		{"identity", []ACL{{PermRead, "digest", "ann:1"}}, []Credential{ann}, PermRead, true},
		{"other identity", []ACL{{PermRead, "digest", "ann:1"}}, []Credential{bob}, PermRead, false},
		{"second identity", []ACL{{PermRead, "digest", "ann:1"}}, []Credential{bob, ann}, PermRead, true},
		{"same id in another scheme", []ACL{{PermRead, "digest", "ann:1"}}, []Credential{{"sasl", "ann:1"}}, PermRead, false},
		{"§11.109 super", readACL, []Credential{{"super", ""}}, PermAdmin, true},
		{"one of two bits", readACL, nil, PermRead | PermAdmin, true},
		{"ip", []ACL{{PermRead, "ip", "10.1.2.3"}}, []Credential{{"ip", "10.1.2.3"}}, PermRead, true},
		{"§11.107 net", []ACL{{PermRead, "ip", "10.1.0.0/16"}}, []Credential{{"ip", "10.1.2.3"}}, PermRead, true},
		{"net given by a host in it", []ACL{{PermRead, "ip", "10.1.7.7/16"}}, []Credential{{"ip", "10.1.2.3"}}, PermRead, true},
		{"outside the net", []ACL{{PermRead, "ip", "10.1.0.0/16"}}, []Credential{{"ip", "10.2.2.3"}}, PermRead, false},
		{"families do not mix", []ACL{{PermRead, "ip", "0.0.0.0/0"}}, []Credential{{"ip", "2001:db8::1"}}, PermRead, false},
		{"broken credential", []ACL{{PermRead, "ip", "0.0.0.0/0"}}, []Credential{{"ip", "?"}}, PermRead, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Permits(test.list, test.auth, test.perm); got != test.want {
				t.Errorf("Permits(%v, %v, %v) = %v; want %v", test.list, test.auth, test.perm, got, test.want)
			}
		})
	}
}

func TestMaskACL(t *testing.T) {
	list := []ACL{{PermAll, "digest", "ann:secret"}, OpenACL[0], {PermRead, "sasl", "a:b"}}
	want := []ACL{{PermAll, "digest", "ann:x"}, OpenACL[0], {PermRead, "sasl", "a:b"}}
	if diff := cmp.Diff(want, MaskACL(list)); diff != "" {
		t.Errorf("§11.60 MaskACL (-want +got):\n%s", diff)
	}
	if list[0].ID != "ann:secret" {
		t.Error("MaskACL changed the list it was given")
	}
}
