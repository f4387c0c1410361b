package processcheck

import (
	"sync"
	"time"
)

// minWindow is the shortest time over which the use of the CPU is measured: its clock ticks a hundred times a second.
const minWindow = time.Second

// process is one, and no other that got its number later.
type process struct {
	pid   int
	start uint64
}

// usage is what the checker keeps between runs. The zero value is ready for use.
type usage struct {
	mu    sync.Mutex
	at    time.Time // of the CPU times; zero before the first run
	cpu   map[process]uint64
	cores float64 // of the last window
	known bool
	claim claim // of the pid file
}

// measure returns how many cores the processes have used since the last run: those of then, and what the ones that came
// since have used so far. It is not known in the first run. Runs in quick succession, such as one that somebody asks for
// between two others, get what the last window had.
func (u *usage) measure(now time.Time, found []stat) (cores float64, known bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.at.IsZero() && now.Sub(u.at) < minWindow {
		return u.cores, u.known
	}
	var ticks uint64
	cpu := make(map[process]uint64, len(found))
	for i := range found {
		p := process{found[i].pid, found[i].start}
		cpu[p] = found[i].cpu
		if before := u.cpu[p]; found[i].cpu > before {
			ticks += found[i].cpu - before
		}
	}
	if !u.at.IsZero() {
		u.cores, u.known = float64(ticks)/ticksPerSecond/now.Sub(u.at).Seconds(), true
	}
	u.at, u.cpu = now, cpu
	return u.cores, u.known
}

// sameClaim notes who the pid file stands for, and reports whether that is somebody else than in the last run, though the
// file is the same. It goes on saying so until the file is written again.
func (u *usage) sameClaim(f pidFile, p *stat) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.claim.passedOn(f, p) {
		return false
	}
	u.claim = claim{f, p.start}
	return true
}
