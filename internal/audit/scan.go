package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
)

// sum is the SHA-256 of a line without its newline.
type sum [sha256.Size]byte

// mark is the last line of a chain. The zero mark stands before the first line.
type mark struct {
	seq uint64
	sum sum
}

// header is the part of a line that numbering and chain rest on.
type header struct {
	Seq     uint64 `json:"seq"`
	Event   Event  `json:"event"`
	Dropped uint64 `json:"dropped"`
	Torn    *torn  `json:"torn"`
	Prev    string `json:"prev"`

	prev sum
}

// parse reads a line and tells whether it is a record at all.
func parse(text []byte) (header, bool) {
	var h header
	if len(text) == 0 || text[0] != '{' || json.Unmarshal(text, &h) != nil || h.Seq == 0 || h.Event == 0 || len(h.Prev) != 2*len(h.prev) {
		return h, false
	}
	_, err := hex.Decode(h.prev[:], []byte(h.Prev))
	return h, err == nil
}

// scanner reads lines in bounded memory. Unreadable ones are hashed together
// until somebody takes the result.
type scanner struct {
	r    *bufio.Reader
	line int
	// unterminated is true once the input ended without a newline.
	unterminated bool

	junk      hash.Hash
	junkBytes int64
}

func newScanner(r io.Reader) *scanner { return &scanner{r: bufio.NewReaderSize(r, maxLine)} }

// next reads one line. ok is false for one that is no record. The error is
// io.EOF at the end.
func (s *scanner) next() (h header, at sum, ok bool, err error) {
	text, err := s.r.ReadSlice('\n')
	if len(text) == 0 && err != nil {
		return h, at, false, err
	}
	s.line++
	if err == nil || errors.Is(err, io.EOF) {
		s.unterminated = err != nil
		text = bytes.TrimSuffix(text, []byte("\n"))
		if h, ok = parse(text); ok {
			return h, sha256.Sum256(text), true, nil
		}
	}
	if s.junk == nil {
		s.junk = sha256.New()
	} else {
		s.addJunk([]byte("\n"))
	}
	s.addJunk(text)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = s.r.ReadSlice('\n')
		s.unterminated = !bytes.HasSuffix(text, []byte("\n"))
		s.addJunk(bytes.TrimSuffix(text, []byte("\n")))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return h, at, false, err
	}
	return h, at, false, nil
}

func (s *scanner) addJunk(b []byte) {
	_, _ = s.junk.Write(b) // a hash never fails
	s.junkBytes += int64(len(b))
}

// takeTorn returns what was unreadable since the last call, nil for nothing.
func (s *scanner) takeTorn() *torn {
	if s.junk == nil {
		return nil
	}
	t := &torn{Bytes: s.junkBytes, SHA256: hex.EncodeToString(s.junk.Sum(nil))}
	s.junk, s.junkBytes = nil, 0
	return t
}

// tail is what the end of a file tells.
type tail struct {
	last         mark // the last readable line; zero for none
	torn         *torn
	unterminated bool
}

// tailWindow is how far back the end of a file is looked for at first.
const tailWindow = 256 << 10

// readTail finds the last readable line of a file of the given size and what
// stands after it.
func readTail(r io.ReaderAt, size int64) (tail, error) {
	if size > tailWindow {
		section := bufio.NewReaderSize(io.NewSectionReader(r, size-tailWindow, tailWindow), maxLine)
		if err := skipLine(section); err == nil {
			t, err := scanTail(section)
			if err != nil || t.last.seq > 0 {
				return t, err
			}
		}
	}
	return scanTail(io.NewSectionReader(r, 0, size))
}

func skipLine(r *bufio.Reader) error {
	for {
		if _, err := r.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func scanTail(r io.Reader) (tail, error) {
	var t tail
	s := newScanner(r)
	for {
		h, at, ok, err := s.next()
		if errors.Is(err, io.EOF) {
			t.torn, t.unterminated = s.takeTorn(), s.unterminated
			return t, nil
		}
		if err != nil {
			return t, err
		}
		if ok {
			t.last = mark{h.Seq, at}
			s.takeTorn()
		}
	}
}
