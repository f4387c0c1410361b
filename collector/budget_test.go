package collector_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// client is a response whose reader takes a page each time that it is let, and whose writes fail after their deadline.
type client struct {
	header   http.Header
	code     int
	may      chan struct{}
	deadline chan struct{}
	once     sync.Once
	got      bytes.Buffer
	done     chan struct{} // closed at the end of the answer
}

func newClient(h http.Handler, req *http.Request) *client {
	c := &client{
		header: http.Header{}, code: http.StatusOK,
		may: make(chan struct{}), deadline: make(chan struct{}), done: make(chan struct{}),
	}
	go func() {
		defer close(c.done)
		h.ServeHTTP(c, req)
	}()
	synctest.Wait()
	return c
}

func (c *client) Header() http.Header  { return c.header }
func (c *client) WriteHeader(code int) { c.code = code }

func (c *client) Write(p []byte) (int, error) {
	select {
	case <-c.may:
		return c.got.Write(p)
	case <-c.deadline:
		return 0, os.ErrDeadlineExceeded
	}
}

func (c *client) SetWriteDeadline(t time.Time) error {
	if !t.After(time.Now()) {
		c.once.Do(func() { close(c.deadline) })
	}
	return nil
}

func (c *client) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// finish lets the client take all that is left.
func (c *client) finish() {
	close(c.may)
	<-c.done
}

// unlikeAny returns a request for many lines that shares its answer with no other number.
func unlikeAny(number int) *http.Request {
	req := scrapeRequest(acceptText, "")
	query := []string{fmt.Sprint("name[]=", number)}
	for _, name := range []string{"runs_total", "info"} {
		query = append(query, "name[]=healthcheck_"+name)
	}
	req.URL.RawQuery = strings.Join(query, "&")
	return req
}

// large returns a source of n states whose snapshots take as much memory as those of 100,000: four fit into 64 MiB.
// They do not compress well.
func large(n int) *fixed {
	random := rand.New(rand.NewPCG(1, 2))
	src := &fixed{}
	src.snapshot.States = make([]healthcheck.State, 0, 100_000)
	for i := range n {
		src.snapshot.States = append(src.snapshot.States, healthcheck.NewState(healthcheck.Facts{
			Check: healthcheck.Check{Endpoint: fmt.Sprintf("check-%06d", i), Target: fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())},
			Level: healthcheck.OK, OK: 1,
		}))
	}
	return src
}

func running(clients []*client) (n int) {
	for _, c := range clients {
		if !c.over() {
			n++
		}
	}
	return n
}

// TestStalledReadersMakeRoom has clients that take nothing, each with a scrape of its own: what they hold together is
// bounded, and whoever goes on reading is served.
func TestStalledReadersMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(large(1000)), collector.HandlerOptions{})
		var stalled []*client
		for i := range 20 {
			stalled = append(stalled, newClient(h, unlikeAny(i)))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(8 * time.Second)
		synctest.Wait()
		assert.Equal(t, 4, running(stalled), "without need nobody is broken off")

		began := time.Now()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, unlikeAny(-1))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Contains(t, w.Body.String(), `healthcheck_info{check="check-000999"`)
		assert.LessOrEqual(t, time.Since(began), time.Second)
		synctest.Wait()
		assert.Positive(t, running(stalled))
		for _, c := range stalled {
			over := c.over()
			c.finish()
			assert.Equal(t, !over, strings.Contains(c.got.String(), `healthcheck_info{check="check-000999"`), "broken off or whole")
		}
	})
}

// TestSlowReadersWait has clients that go on reading, slowly: they are let, until somebody has waited for five seconds.
func TestSlowReadersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(large(3000)), collector.HandlerOptions{})
		var slow []*client
		var wg sync.WaitGroup
		for i := range 10 {
			c := newClient(h, unlikeAny(i))
			slow = append(slow, c)
			wg.Go(func() {
				for {
					select {
					case c.may <- struct{}{}:
						time.Sleep(900 * time.Millisecond)
					case <-c.done:
						return
					}
				}
			})
			if i == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		synctest.Wait()
		began := time.Now()
		in := newClient(h, unlikeAny(-1))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		assert.False(t, slow[0].over(), "goes on reading")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.True(t, slow[0].over(), "is the oldest")
		in.finish()
		assert.LessOrEqual(t, time.Since(began), 10*time.Second)
		for _, c := range slow {
			<-c.done
		}
		wg.Wait()
	})
}

// TestNoRoom has clients whose writes cannot be ended.
func TestNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(large(1000)), collector.HandlerOptions{})
		var finish []func() []byte
		for i := range 8 {
			c := &slowClient{header: http.Header{}, may: make(chan struct{})}
			done := make(chan struct{})
			go func() {
				defer close(done)
				h.ServeHTTP(c, unlikeAny(i))
			}()
			finish = append(finish, func() []byte { close(c.may); <-done; return c.got.Bytes() })
		}
		synctest.Wait()
		began := time.Now()
		w := httptest.NewRecorder()
		req := unlikeAny(-1)
		req.Header.Set("Accept-Encoding", "gzip")
		h.ServeHTTP(w, req)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Equal(t, "Too many scrapes are under way.\n", w.Body.String())
		assert.Empty(t, w.Header().Get("Content-Encoding"))
		assert.Equal(t, 10*time.Second, time.Since(began))
		for _, f := range finish {
			f()
		}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, unlikeAny(-1))
		assert.Equal(t, http.StatusOK, w.Code)
	})
}

// TestStalledConnections is TestStalledReadersMakeRoom with real connections.
func TestStalledConnections(t *testing.T) {
	s := httptest.NewServer(collector.Handler(collector.New(large(40_000)), collector.HandlerOptions{}))
	defer s.Close()
	var stalled []net.Conn
	for i := range 6 {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		_, err = fmt.Fprintf(c, "GET /metrics?%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", unlikeAny(i).URL.RawQuery)
		require.NoError(t, err)
		line, err := bufio.NewReaderSize(c, 16).ReadString('\n') // and nothing beyond
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200 OK\r\n", line)
		stalled = append(stalled, c)
	}
	res, err := http.Get(s.URL + "?" + unlikeAny(-1).URL.RawQuery)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.NoError(t, res.Body.Close())
	assert.Contains(t, string(body), `healthcheck_info{check="check-039999"`)
	var whole int
	for _, c := range stalled {
		if b, err := io.ReadAll(c); err == nil && bytes.HasSuffix(b, []byte("\r\n0\r\n\r\n")) {
			whole++
		}
	}
	assert.Less(t, whole, len(stalled), "64 MiB are enough for four")
}
