package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

func BenchmarkNodeVerdict(b *testing.B) {
	s := New(Options{})
	s.Configure([]Spec{spec(key), spec(Key{"login", "n1"})}, Options{})
	s.Record(key, probes.Result{Outcome: probes.Pass, Start: time.Now()})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !s.NodeVerdict("n2").OK {
				b.Error("not OK")
			}
		}
	})
}

// BenchmarkAnswers works out the answers anew: a thousand probes on ten nodes
// of which one fails.
func BenchmarkAnswers(b *testing.B) {
	s := New(Options{})
	var specs []Spec
	for i := range 10000 {
		specs = append(specs, needing(Key{fmt.Sprint(i / 10), fmt.Sprint("n", i%10)}))
	}
	s.Configure(specs, Options{})
	for _, p := range specs {
		o := probes.Pass
		if p.Node == "n3" {
			o = probes.Fail
		}
		s.Record(p.Key, probes.Result{Outcome: o, Start: time.Now()})
	}
	b.ReportAllocs()
	for b.Loop() {
		s.cached.Store(nil)
		s.Verdict()
	}
}
