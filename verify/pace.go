package verify

import (
	"sync"
	"time"
)

// A pace tells how far a comparison is, in nodes of all its runs. Within the first run
// every node counts the same; later ones count by the time of their nodes, as a part of
// what the runs before took, so that what is left can be estimated from what is done.
type pace struct {
	mu          sync.Mutex
	tell        func(done, total int) // nil: nobody listens
	nodes, runs int                   // of one run; in all
	at          int                   // the run that goes on
	seen        int                   // nodes in it
	spent       time.Duration         // in it
	before      time.Duration         // in all runs before
	told        int
}

// node notes one node and its time.
func (p *pace) node(_ string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	p.spent += d
	if p.seen%16 != 0 {
		return
	}
	part := float64(p.seen) / float64(p.nodes)
	if p.at > 0 && p.before > 0 {
		part = float64(p.spent) * float64(p.at) / float64(p.before)
	}
	p.say(p.at*p.nodes + int(min(part, 0.99)*float64(p.nodes)))
}

// ran notes the end of a run.
func (p *pace) ran() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at++
	p.before += p.spent
	p.seen, p.spent = 0, 0
	p.say(p.at * p.nodes)
}

// say never goes back.
func (p *pace) say(done int) {
	if p.tell != nil && done > p.told {
		p.told = done
		p.tell(min(done, p.runs*p.nodes), p.runs*p.nodes)
	}
}

// follow has the Go engines report their nodes; another runner is one node.
func (o *CompareOptions) follow(runners [3]Runner, runs int) *pace {
	p := &pace{tell: o.Progress, runs: runs}
	for _, r := range runners {
		e, ok := r.(*Engine)
		switch {
		case !ok && r != nil:
			p.nodes++
		case ok:
			p.nodes += e.m.Nodes()
			if o.Progress != nil {
				e.Profile(p.node)
			}
		}
	}
	p.nodes = max(p.nodes, 1)
	return p
}
