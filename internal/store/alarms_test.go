package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/probes"
)

func alarmRecord(key string, sequence uint64) alarm.Record {
	return alarm.Record{
		Key: key,
		Event: bridges.Event{Kind: bridges.Raise, Sequence: sequence, Time: at(1), Alarm: bridges.Alarm{
			ID: "id-" + key, Name: "A \"quoted\"\n", Severity: probes.Major, Target: "t", Text: "no answer — within 10s", Raised: at(1), Changed: at(2),
			Labels: map[string]string{"a": "b"},
		}},
		Sources: map[string]alarm.Source{"s": {
			Kind: alarm.SourceAlert, Firing: true, Severity: probes.Major, Starts: at(1), Ends: at(0), Seen: at(2), Labels: map[string]string{"a": "b"}, Group: "g",
		}},
	}
}

func everything() alarm.Changes {
	r := alarmRecord("1", 7)
	return alarm.Changes{
		Sequence: 100, Alarms: []alarm.Record{r, alarmRecord("2", 8)},
		Told: []alarm.Told{
			{Bridge: "b", Destination: "d", Bucket: 3, Fingerprint: "f", Lines: []alarm.ToldLine{{ID: "id-1", Name: "A", Sequence: 7, Raised: true, At: at(3)}}},
			{Bridge: "b", Destination: "d", Bucket: -1},
		},
		Journal:     []bridges.Event{{Kind: bridges.Clear, Sequence: 10, Time: at(1)}, {Kind: bridges.Raise, Sequence: 9, Time: at(1)}},
		DeadLetters: []alarm.DeadLetter{{ID: "x", Bridge: "b", Destination: "d", Event: r.Event, Error: "400", Time: at(4)}},
	}
}

func TestAlarmsComeBack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	empty, err := s.LoadAlarms(t.Context())
	require.NoError(t, err)
	require.Equal(t, alarm.Saved{}, empty)
	c := everything()
	require.NoError(t, s.SaveAlarms(t.Context(), c))
	require.NoError(t, s.Close())
	s = opened(t, folder)
	got, err := s.LoadAlarms(t.Context())
	require.NoError(t, err)
	require.Equal(t, alarm.Saved{
		Sequence: 100, Alarms: c.Alarms, Told: []alarm.Told{c.Told[1], c.Told[0]},
		Journal: []bridges.Event{c.Journal[1], c.Journal[0]}, DeadLetters: c.DeadLetters,
	}, got)

	require.NoError(t, s.SaveAlarms(t.Context(), alarm.Changes{
		DropAlarms: []string{"1", "none"}, DropTold: []string{c.Told[0].Key()}, DropJournal: []uint64{9}, DropDeadLetters: []string{"x"},
		Alarms: []alarm.Record{alarmRecord("2", 20)}, Sequence: 200,
	}))
	got, err = s.LoadAlarms(t.Context())
	require.NoError(t, err)
	require.Equal(t, alarm.Saved{Sequence: 200, Alarms: []alarm.Record{alarmRecord("2", 20)}, Told: c.Told[1:], Journal: c.Journal[:1]}, got)
	require.NoError(t, s.SaveAlarms(t.Context(), alarm.Changes{}))
}

func TestAlarmsWithoutStorage(t *testing.T) {
	t.Parallel()
	var s *Store
	require.ErrorIs(t, s.SaveAlarms(t.Context(), everything()), ErrUnavailable)
	_, err := s.LoadAlarms(t.Context())
	require.ErrorIs(t, err, ErrUnavailable)
}

// A damaged record of an alarm is left out once and then gone; nothing else
// suffers.
func TestDamagedAlarm(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	require.NoError(t, s.SaveAlarms(t.Context(), everything()))
	_, err := s.db.ExecContext(t.Context(), "UPDATE alarms SET body = x'7b7d' WHERE key = '1'")
	require.NoError(t, err)
	for range 2 {
		got, err := s.LoadAlarms(t.Context())
		require.NoError(t, err)
		require.Equal(t, []alarm.Record{alarmRecord("2", 8)}, got.Alarms)
		require.Len(t, got.Told, 2)
		require.EqualValues(t, 1, s.BadRecords())
	}
}

// Whatever is read from a damaged file was written to it.
func TestFlippedAlarms(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	c := everything()
	require.NoError(t, s.SaveAlarms(t.Context(), c))
	require.NoError(t, s.Close())
	content, err := os.ReadFile(filepath.Join(folder, File))
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		damaged := append([]byte(nil), content...)
		damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		s, err := open(t.Context(), fileOf(t, damaged), nil, impatient)
		require.NoError(t, err)
		got, err := s.LoadAlarms(t.Context())
		require.NoError(t, err)
		require.Subset(t, c.Alarms, got.Alarms)
		require.Subset(t, c.Told, got.Told)
		require.Subset(t, c.Journal, got.Journal)
		require.Subset(t, c.DeadLetters, got.DeadLetters)
		require.Contains(t, []uint64{0, 100}, got.Sequence)
		require.NoError(t, s.Close())
	}
}

func BenchmarkSaveAlarms(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir(), nil)
	require.NoError(b, err)
	defer func() { _ = s.Close() }()
	records := make([]alarm.Record, 512)
	for i := range records {
		records[i] = alarmRecord(string(rune('a'+i%26))+time.Duration(i).String(), uint64(i))
	}
	for b.Loop() {
		require.NoError(b, s.SaveAlarms(b.Context(), alarm.Changes{Alarms: records}))
	}
}
