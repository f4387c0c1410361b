package collector

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// coding is a content coding of HTTP (RFC 9110, section 8.4.1).
type coding string

const (
	identity   coding = ""
	gzipCoding coding = "gzip"
	zstdCoding coding = "zstd"
)

// gzipLevel takes a quarter of the CPU time that the standard library takes at its usual level, for a tenth more bytes.
const gzipLevel = 1

var (
	gzipWriters = sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(io.Discard, gzipLevel)
		if err != nil { // the level is a constant
			panic(err)
		}
		return w
	}}
	zstdWriters = sync.Pool{New: func() any {
		w, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil { // the options are constants
			panic(err)
		}
		return w
	}}
)

// negotiateCoding returns the coding that the client likes best, of equals gzip, which is the cheapest; false if it takes
// none of them, nor the answer as it is (RFC 9110, section 12.5.3).
func negotiateCoding(accept []string) (best coding, ok bool) {
	weights := acceptedCodings(accept)
	weight := func(name string, unnamed float64) float64 {
		if w, named := weights[name]; named {
			return w
		}
		if w, named := weights["*"]; named {
			return w
		}
		return unnamed
	}
	most := 0.0
	for _, c := range []coding{gzipCoding, zstdCoding} {
		if w := weight(string(c), 0); w > most {
			best, most = c, w
		}
	}
	plain := weight("identity", 1)
	if _, named := weights["identity"]; named && plain > most {
		return identity, true
	}
	return best, most > 0 || plain > 0
}

// acceptedCodings reads Accept-Encoding: codings with their weights, 1 where none is given. A weight that cannot be read
// is 0: what is not understood is not sent.
func acceptedCodings(accept []string) map[string]float64 {
	weights := make(map[string]float64)
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			name = strings.ToLower(strings.Trim(name, " \t"))
			if name == "x-gzip" { // the same (RFC 9110, section 8.4.1.3)
				name = string(gzipCoding)
			}
			if name != "" {
				weights[name] = weight(params)
			}
		}
	}
	return weights
}

// weight returns the weight among the parameters of a coding (RFC 9110, section 12.4.2): "q", in either case, and a
// number from 0 to 1 with up to three decimals.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
			continue
		}
		value = strings.Trim(value, " \t")
		w, err := strconv.ParseFloat(value, 64)
		if err != nil || w > 1 || strings.Trim(value, "0123456789.") != "" { // no sign, exponent, NaN
			return 0
		}
		return w
	}
	return 1
}

// compressor is a gzip.Writer or a zstd.Encoder.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// compressors returns the pool of compressors for a coding other than identity.
func compressors(c coding) *sync.Pool {
	if c == zstdCoding {
		return &zstdWriters
	}
	return &gzipWriters
}
