package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Fault is what Verify found wrong; the list is closed.
type Fault string

// The faults.
const (
	FaultGap        Fault = "gap"        // numbers are missing that no line tells of
	FaultOrder      Fault = "order"      // a number stands twice, or too late
	FaultChain      Fault = "chain"      // the line before is not the one that was written
	FaultUnreadable Fault = "unreadable" // a line is no record
	FaultAnew       Fault = "anew"       // the numbering begins anew
)

// Problem is one place where the trail is broken.
type Problem struct {
	// File and Line tell where, Line counting from 1.
	File string
	Line int
	// Seq is the number of the record there, 0 for an unreadable line.
	Seq   uint64
	Fault Fault
	// Message says what is wrong.
	Message string
}

// String tells the problem as file:line: record seq: fault: message.
func (p Problem) String() string {
	if p.Seq == 0 {
		return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Fault, p.Message)
	}
	return fmt.Sprintf("%s:%d: record %d: %s: %s", p.File, p.Line, p.Seq, p.Fault, p.Message)
}

// maxProblems bounds what a report keeps; all are counted.
const maxProblems = 100

// Report is what Verify found.
type Report struct {
	// Records is the number of readable lines, First and Last are the numbers
	// of the first and the last.
	Records     int
	First, Last uint64
	// Dropped counts records that were lost and that the trail tells of.
	Dropped uint64
	// Starts counts start records, Unclean those that follow no stop record:
	// the exporter had been killed, or had lost its disk.
	Starts, Unclean int
	// Recovered counts torn lines that a recovered record accounts for.
	Recovered int
	// Whole is true where the trail begins with its very first record; else
	// older files have been removed, by rotation or by somebody.
	Whole bool
	// Ended is true where the last record is a stop record; else the exporter
	// runs, was killed, or lines were removed from the end.
	Ended bool
	// Torn is true where the last line is not complete.
	Torn bool
	// Problems are the first hundred breaks, Broken is their number.
	Problems []Problem
	Broken   int
}

// VerifyOptions change what Verify takes for a break.
type VerifyOptions struct {
	// Runs permits the numbering to begin anew at a start record, as it does in
	// lines kept from standard output or syslog where there is no file.
	Runs bool
}

// verifier follows one chain through its files.
type verifier struct {
	options VerifyOptions
	report  Report
	last    mark
	event   Event
	// junk is where an unreadable line stands that no record has accounted for yet.
	junk *Problem
}

// Verify reads a trail and reports whether it is whole. The error tells that it
// could not be read.
func Verify(name string, r io.Reader, o VerifyOptions) (Report, error) {
	v := &verifier{options: o}
	err := v.read(name, r)
	return v.end(), err
}

// VerifyFiles is Verify for a trail in several files, given in any order; with
// VerifyOptions.Runs, in the order of their time.
func VerifyFiles(paths []string, o VerifyOptions) (Report, error) {
	type part struct {
		path  string
		first uint64
	}
	parts := make([]part, 0, len(paths))
	for _, path := range paths {
		first, err := firstOf(path)
		if err != nil {
			return Report{}, err
		}
		parts = append(parts, part{path, first - 1}) // files without a record come last
	}
	if !o.Runs {
		slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.first, b.first) })
	}
	v := &verifier{options: o}
	for _, p := range parts {
		if err := v.open(p.path); err != nil {
			return v.end(), err
		}
	}
	return v.end(), nil
}

func firstOf(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	s := newScanner(f)
	for {
		h, _, ok, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("%s: %w", path, err)
		case ok:
			return h.Seq, nil
		}
	}
}

func (v *verifier) open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return v.read(path, f)
}

func (v *verifier) read(name string, r io.Reader) error {
	v.flushJunk()
	s := newScanner(r)
	for {
		h, at, ok, err := s.next()
		if errors.Is(err, io.EOF) {
			v.report.Torn = s.unterminated && v.junk != nil && v.junk.Line == s.line
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !ok {
			if v.junk == nil {
				v.junk = &Problem{File: name, Line: s.line, Fault: FaultUnreadable, Message: "the line is no record"}
			}
			continue
		}
		v.record(Problem{File: name, Line: s.line, Seq: h.Seq}, h, at, s.takeTorn())
	}
}

// record checks one record against the one before.
func (v *verifier) record(at Problem, h header, own sum, rest *torn) {
	v.account(at, h, rest)
	r := &v.report
	r.Records++
	r.Dropped += h.Dropped
	if h.Event == EventStart {
		r.Starts++
	}
	origin := h.prev == sum{}
	if v.last.seq == 0 {
		r.First, r.Whole = h.Seq, origin
	}
	if h.Event == EventStart && r.Records > 1 && v.event != EventStop {
		r.Unclean++
	}
	switch next := v.last.seq + 1 + h.Dropped; {
	case origin && h.Seq != 1+h.Dropped:
		v.broken(at, FaultChain, "says it is the first record, which its number denies")
	case v.last.seq == 0: // whatever it follows is not here
	case origin && v.options.Runs && h.Event == EventStart:
	case origin:
		v.broken(at, FaultAnew, "the numbering begins anew after record %d; the file that it should have gone on from was not there", v.last.seq)
	case h.Seq > next:
		v.broken(at, FaultGap, "missing: records %d to %d", v.last.seq+1, h.Seq-h.Dropped-1)
	case h.Seq < next:
		v.broken(at, FaultOrder, "follows record %d, so it should be record %d", v.last.seq, next)
	case h.prev != v.last.sum:
		v.broken(at, FaultChain, "record %d before it was changed, or is not the one that was written", v.last.seq)
	}
	v.last, v.event = mark{h.Seq, own}, h.Event
}

// account settles what was unreadable before a record.
func (v *verifier) account(at Problem, h header, rest *torn) {
	told := h.Event == EventRecovered && h.Torn != nil
	switch {
	case told && rest != nil && *rest == *h.Torn:
		v.report.Recovered++
		v.junk = nil
	case told:
		v.broken(at, FaultChain, "tells of %d torn bytes before it that are not there", h.Torn.Bytes)
	}
	v.flushJunk()
}

func (v *verifier) flushJunk() {
	if v.junk != nil {
		v.add(*v.junk)
		v.junk = nil
	}
}

func (v *verifier) broken(at Problem, f Fault, format string, args ...any) {
	at.Fault, at.Message = f, fmt.Sprintf(format, args...)
	v.add(at)
}

func (v *verifier) add(p Problem) {
	v.report.Broken++
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, p)
	}
}

// end returns the report. A torn last line alone is no break: it was never
// acknowledged, and a running exporter may just be writing it.
func (v *verifier) end() Report {
	if v.report.Torn {
		v.junk = nil
	}
	v.flushJunk()
	v.report.Last, v.report.Ended = v.last.seq, v.event == EventStop
	return v.report
}
