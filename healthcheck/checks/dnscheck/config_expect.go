package dnscheck

import "time"

// Expect says which answer is right. Record data has the presentation form of zone files (RFC 1035, section 5.1, and RFC 3597 for
// unknown types), with names in lower case and ending in a dot ("10 mail.example.org."), except for TXT: the text itself,
// its parts joined and not quoted. Only records of the asked type count, of the asked name and of those that CNAMEs lead to, not the CNAMEs; with type ANY all do,
// in the form of a [Section].
type Expect struct {
	// Rcode is the response code, NOERROR by default. Without a server only NOERROR and NXDOMAIN are possible, and
	// NXDOMAIN includes names that have no record of the type.
	Rcode string `yaml:"rcode" default:"NOERROR" example:"NXDOMAIN"`
	// Rcodes lists several response codes, one of which it must be. It stands instead of Rcode.
	Rcodes []string `yaml:"rcodes" example:"[NOERROR, NXDOMAIN]"`
	// Answers lists all the record data that must be there, and nothing else may be; the order does not matter.
	Answers []string `yaml:"answers" example:"[192.0.2.1, 192.0.2.2]"`
	// Contains lists record data that must be there, whatever else is.
	Contains []string `yaml:"contains" example:"[192.0.2.1]"`
	// NotContains lists record data none of which may be there.
	NotContains []string `yaml:"not_contains" example:"[192.0.2.9]"`
	// Matches lists regular expressions, each of which must match the data of at least one record.
	Matches []string `yaml:"matches" example:"['^192\\.0\\.2\\.']"`
	// NotMatches lists regular expressions, none of which may match the data of any record.
	NotMatches []string `yaml:"not_matches" example:"['^10\\.']"`
	// MinAnswers is the least number of records. Nil means 1 where only NOERROR is expected, otherwise 0.
	MinAnswers *int `yaml:"min_answers" example:"2"`
	// MaxAnswers is the greatest number of records. Nil means any.
	MaxAnswers *int `yaml:"max_answers" example:"8"`
	// MinTTL is the shortest time to live of the records. What comes from a cache counts down to zero. It needs a server.
	MinTTL time.Duration `yaml:"min_ttl" default:"0s" example:"1m"`
	// MaxTTL is the longest time to live of the records; zero means any. It needs a server.
	MaxTTL time.Duration `yaml:"max_ttl" default:"0s" example:"24h"`
	// Flags lists flags that the answer must have: aa (from the zone's own server), ra (recursion available), ad (verified
	// by DNSSEC), tc (truncated over UDP, whatever came over TCP thereafter). It needs a server.
	Flags []string `yaml:"flags" example:"[aa]"`
	// NoFlags lists flags that the answer may not have. It needs a server.
	NoFlags []string `yaml:"no_flags" example:"[ra, tc]"`
	// Authority is what the authority section must hold. It needs a server.
	Authority Section `yaml:"authority"`
	// Additional is what the additional section must hold, the OPT record of EDNS aside. It needs a server.
	Additional Section `yaml:"additional"`
	// NSID is a regular expression for the name that the server gives itself (RFC 5001), which is then asked for; a name that
	// is not text is matched in hexadecimal, after "0x".
	NSID string `yaml:"nsid" example:"^fra[0-9]+$"`
	// SameSerial wants the serial number of the zone to be the same at all servers. It needs type SOA and servers.
	SameSerial bool `yaml:"same_serial" default:"false" example:"true"`
	// MaxSerialDifference is how far apart the serial numbers may be nevertheless, in the arithmetic of RFC 1982.
	MaxSerialDifference int `yaml:"max_serial_difference" default:"0" example:"1"`
}

// Section says what a section beside the answer holds. A record is written as its name, its type and its data, as in "example.org.
// NS ns1.example.org.", with data as in [Expect].
type Section struct {
	// Records lists all that must be there, and nothing else may be; the order does not matter.
	Records []string `yaml:"records" example:"[example.org. NS ns1.example.org.]"`
	// Contains lists records that must be there, whatever else is.
	Contains []string `yaml:"contains" example:"[example.org. NS ns1.example.org.]"`
	// NotContains lists records none of which may be there.
	NotContains []string `yaml:"not_contains" example:"[example.org. NS ns9.example.org.]"`
	// Matches lists regular expressions, each of which must match at least one record.
	Matches []string `yaml:"matches" example:"[' NS ns1\\.']"`
	// NotMatches lists regular expressions, none of which may match any record.
	NotMatches []string `yaml:"not_matches" example:"[' NS old\\.']"`
	// Min is the least number of records. Nil means any.
	Min *int `yaml:"min" example:"1"`
	// Max is the greatest number of records. Nil means any.
	Max *int `yaml:"max" example:"4"`
	// MinTTL is the shortest time to live of the records.
	MinTTL time.Duration `yaml:"min_ttl" default:"0s" example:"1m"`
	// MaxTTL is the longest time to live of the records; zero means any.
	MaxTTL time.Duration `yaml:"max_ttl" default:"0s" example:"24h"`
}
