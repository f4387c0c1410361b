package processcheck

import (
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

var (
	measureCount = healthcheck.NewMeasure("process_count", "Processes found in the last run, zombies aside.")

	measureZombies = healthcheck.NewMeasure("process_zombies", "Zombies among the processes found in the last run: they have ended and wait for their parents.")

	measureStart = healthcheck.NewMeasure("process_oldest_start_timestamp_seconds", "When the oldest of the processes found was started.")

	measureCPU = healthcheck.NewMeasure("process_cpu_seconds", "CPU time of the processes found, user and system; it falls where one of them ends.")

	measureCores = healthcheck.NewMeasure("process_cpu_cores", "Cores that the processes found have used on average since the last run; absent in the first.")

	measureMemory = healthcheck.NewMeasure("process_resident_memory_bytes", "Resident memory of the processes found, with what they share counted for each.")

	measureThreads = healthcheck.NewMeasure("process_threads", "Threads of the processes found.")

	measureFiles = healthcheck.NewMeasure("process_open_files", "Open files of the process found that has most of them; absent where they may not be seen.")
)

// findings are what a run found.
type findings struct {
	*search
	absence string // more on why nothing was found
	files   files

	oldest              time.Time
	cpu                 float64 // seconds
	memory, memoryOfOne float64 // bytes
	threads             int
	cores               float64
	coresKnown          bool
	machine             float64 // memory of the machine where a limit is a share of it
}

// sum adds up what the processes use.
func (c *checker) sum(f *findings) error {
	f.cores, f.coresKnown = c.usage.measure(time.Now(), f.found)
	if len(f.found) == 0 {
		return nil
	}
	text, err := f.reader.read(f.proc("stat"))
	if err != nil {
		return err
	}
	boot, err := bootTime(text)
	if err != nil {
		return err
	}
	first := f.found[0].start
	for i := range f.found {
		p := &f.found[i]
		first = min(first, p.start)
		f.cpu += float64(p.cpu) / ticksPerSecond
		f.memory += float64(p.resident)
		f.memoryOfOne = max(f.memoryOfOne, float64(p.resident))
		f.threads += p.threads
	}
	f.oldest = boot.Add(time.Duration(first) * (time.Second / ticksPerSecond))
	if l := &c.limits; l.maxMemory != nil && l.maxMemory.IsShare() || l.maxEach != nil && l.maxEach.IsShare() {
		if f.machine, err = f.machineMemory(); err != nil {
			return fmt.Errorf("memory of the machine: %w", err)
		}
	}
	return nil
}

// values returns what was measured. Sums over no processes are none.
func (f *findings) values() []healthcheck.Value {
	values := []healthcheck.Value{
		measureCount.Value(float64(len(f.found))),
		measureZombies.Value(float64(f.zombies)),
	}
	if len(f.found) == 0 {
		return values
	}
	values = append(values,
		measureStart.Value(float64(f.oldest.UnixMilli())/1000),
		measureCPU.Value(f.cpu),
		measureMemory.Value(f.memory),
		measureThreads.Value(float64(f.threads)))
	if f.coresKnown {
		values = append(values, measureCores.Value(f.cores))
	}
	if f.files.seen {
		values = append(values, measureFiles.Value(float64(f.files.most)))
	}
	return values
}
