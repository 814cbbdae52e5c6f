package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"

	"repmlp/convert"
)

// junitFormat is for build servers: a test for the run, for each merge that was to be
// proved, for each output that was compared, and for each place that declined.
var junitFormat = format{
	extension: "xml", media: "application/xml",
	report: func(w io.Writer, r *convert.Report) error { return writeJUnit(w, junitOf(r)) },
	bench:  func(w io.Writer, r *benchReport) error { return writeJUnit(w, junitOfBench(r)) },
}

// The elements of JUnit XML, as far as build servers agree on them. Names of files
// go through name and message before they get here.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Cases []junitCase `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr,omitempty"` // seconds
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
	}
)

// suite begins a suite.
func (j *junitSuites) suite(name string) *junitSuite {
	j.Suites = append(j.Suites, &junitSuite{Name: name})
	return j.Suites[len(j.Suites)-1]
}

// add adds a test to a suite.
func (s *junitSuite) add(c junitCase) {
	c.Class = "repmlp." + s.Name
	s.Cases = append(s.Cases, c)
}

// count fills the numbers in; suites without a test go.
func (j *junitSuites) count() {
	all := j.Suites
	j.Suites = nil
	for _, s := range all {
		for _, c := range s.Cases {
			s.Tests++
			switch {
			case c.Failure != nil:
				s.Failures++
			case c.Error != nil:
				s.Errors++
			case c.Skipped != nil:
				s.Skipped++
			}
		}
		if s.Tests == 0 {
			continue
		}
		j.Suites = append(j.Suites, s)
		j.Tests, j.Failures, j.Errors, j.Skipped = j.Tests+s.Tests, j.Failures+s.Failures, j.Errors+s.Errors, j.Skipped+s.Skipped
	}
}

func writeJUnit(w io.Writer, j *junitSuites) error {
	j.count()
	b, err := xml.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, lines(xml.Header+string(b)+"\n"))
	return err
}

// because is a message of a failure, an error or a skipped test.
func because(format string, args ...any) *junitMessage {
	return &junitMessage{message(fmt.Sprintf(format, args...))}
}

// junitOf are the tests of a report.
func junitOf(r *convert.Report) *junitSuites {
	j := &junitSuites{Name: "repmlp " + r.Command}
	j.run(r)
	proofs := j.suite("merges")
	for _, g := range r.Regions {
		c := junitCase{Name: fmt.Sprintf("%s %s: %s", name(g.ID), name(g.Value), message(layer(g)))}
		switch {
		case g.Proof == nil:
			c.Skipped = because("not proved")
		case !(g.Proof.Bound < 1):
			c.Failure = because("differs by %.3g, %.3g times what rounding allows", float64(g.Proof.MaxAbs), float64(g.Proof.Bound))
		default:
			c.Output = fmt.Sprintf("%s, largest difference %.3g, %s of what rounding allows", proofOf(g.Proof), float64(g.Proof.MaxAbs), ofBound(float64(g.Proof.Bound)))
		}
		proofs.add(c)
	}
	if r.Check != nil {
		j.outputs(r.Check)
	}
	declined := j.suite("declined")
	for _, d := range r.Declined {
		c := junitCase{Name: fmt.Sprintf("%s %s", name(d.Code), name(d.Node))}
		if refused(r) && !d.Growth() {
			c.Failure = because("%s", d.Message)
		} else {
			c.Skipped = because("%s", d.Message)
		}
		declined.add(c)
	}
	return j
}

// refused reports whether --strict refused what was found.
func refused(r *convert.Report) bool {
	return r.Error != nil && r.Verdict != convert.Failed && r.Verdict != convert.NotEquivalent
}

// run is the test that every report has: the command did what it was asked for.
func (j *junitSuites) run(r *convert.Report) {
	c := junitCase{Name: r.Command}
	if r.Input != nil {
		c.Name += " " + name(r.Input.Path)
	}
	total := 0.0
	for _, s := range r.Seconds {
		total += s
	}
	if total > 0 {
		c.Time = fmt.Sprintf("%.3f", total)
	}
	switch {
	case r.Verdict == convert.Failed:
		c.Error = because("%s", outcome(r))
	case r.Verdict == convert.NotEquivalent, r.Error != nil:
		c.Failure = because("%s", outcome(r))
	default:
		c.Output = outcome(r)
	}
	j.suite("run").add(c)
}

func (j *junitSuites) outputs(check *convert.Check) {
	s := j.suite("outputs")
	for _, o := range slices.Concat(check.Outputs, check.Expected) {
		c := junitCase{Name: name(o.Name)}
		if o.Of != "" {
			c.Name += " of the " + o.Of + " against the expected outputs"
		}
		said := fmt.Sprintf("%s; allowed %.3g, %s", farOff(o), float64(o.Limit), noise(check))
		switch {
		case !o.Passed:
			c.Failure = because("%s", said)
		case o.Elements > 0 && o.NotCompared >= o.Elements:
			c.Skipped = because("not compared: the original itself changes there when inputs or weights move by a rounding")
		default:
			c.Output = message(said)
		}
		s.add(c)
	}
	for _, x := range check.Stress {
		c := junitCase{Name: "stress " + name(x.Name), Output: message(x.Says)}
		if !x.Passed {
			c.Failure = because("the outputs differ on these inputs: %s", x.Says)
		}
		s.add(c)
	}
}

// junitOfBench are the timings of a bench report.
func junitOfBench(r *benchReport) *junitSuites {
	j := &junitSuites{Name: "repmlp bench"}
	s := j.suite("bench")
	for _, m := range r.Models {
		s.add(junitCase{Name: "session of " + name(m.Path), Time: fmt.Sprintf("%.6f", m.Session)})
	}
	for _, x := range r.Results {
		c := junitCase{Name: fmt.Sprintf("%s, batch %d", name(x.Path), x.Batch), Time: fmt.Sprintf("%.6f", x.MedianMS/1000)}
		if x.Ratio != nil {
			c.Output = fmt.Sprintf("%.2f times as fast as the first (%.2f to %.2f)", x.Ratio.Value, x.Ratio.Low, x.Ratio.High)
		}
		s.add(c)
	}
	return j
}
