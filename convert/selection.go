package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"repmlp/convert/internal/explain"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
)

// CheckPattern says what is wrong with a pattern of Options.Only or Options.Skip; nil where
// it is one.
func CheckPattern(pattern string) error {
	if pattern == "" {
		return fmt.Errorf("a pattern is empty; name a merge by its ID, or nodes by a pattern")
	}
	for part := range strings.SplitSeq(pattern, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("the pattern %q is not well-formed: * stands for any characters but /, ? for one, [a-z] for one of some, ** between slashes for any parts", pattern)
		}
	}
	return nil
}

// matches reports whether a pattern is for a name: part by part as path.Match has it, where
// the part ** stands for any number of parts.
func matches(pattern, name string) bool {
	return matchParts(strings.Split(pattern, "/"), strings.Split(name, "/"))
}

func matchParts(pattern, name []string) bool {
	for len(pattern) > 0 && pattern[0] != "**" {
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	if len(pattern) == 0 {
		return len(name) == 0
	}
	for i := range len(name) + 1 {
		if matchParts(pattern[1:], name[i:]) {
			return true
		}
	}
	return false
}

// A pick is one pattern, and what was found to match it.
type pick struct {
	flag, pattern string
	merge         bool   // a merge
	node          string // a node, of a merge or not
}

// A selection says which merges are made. It is shared by the conversions of a model and of
// the bodies in it.
type selection struct {
	only, skip []*pick
	exact      map[string]bool // the IDs of those that are made, and no others; nil: all
}

// newSelection is nil where everything is made.
func newSelection(only, skip []string) (*selection, error) {
	if len(only)+len(skip) == 0 {
		return nil, nil
	}
	s := &selection{}
	for _, list := range []struct {
		flag     string
		patterns []string
		to       *[]*pick
	}{{"--only", only, &s.only}, {"--skip", skip, &s.skip}} {
		for _, p := range list.patterns {
			if err := CheckPattern(p); err != nil {
				return nil, fmt.Errorf("%s: %w", list.flag, err)
			}
			*list.to = append(*list.to, &pick{flag: list.flag, pattern: p})
		}
	}
	return s, nil
}

// find notes what a pattern matches of a merge.
func (p *pick) find(id string, merged []string) bool {
	found := p.pattern == id
	for _, name := range merged {
		if matches(p.pattern, name) {
			found, p.node = true, name
			break
		}
	}
	p.merge = p.merge || found
	return found
}

// leaves says why a merge is not made; "" where it is.
func (s *selection) leaves(id string, merged []string) (why string) {
	if s.exact != nil {
		if s.exact[id] {
			return ""
		}
		return "as asked for"
	}
	kept := len(s.only) == 0
	for _, p := range s.only { // each of them notes what it matches
		kept = p.find(id, merged) || kept
	}
	if !kept {
		why = "since --only is for others"
	}
	for _, p := range s.skip {
		if p.find(id, merged) && why == "" {
			why = fmt.Sprintf("as --skip %s asks", p.pattern)
		}
	}
	return why
}

// look notes which nodes of a model the patterns are for.
func (s *selection) look(m *onnxio.Model) {
	for _, n := range m.Graph().Nodes() {
		for _, p := range slices.Concat(s.only, s.skip) {
			if p.node == "" && matches(p.pattern, n.Title()) {
				p.node = n.Title()
			}
		}
	}
}

// id is what an ID of a merge looks like.
var id = regexp.MustCompile(`^(b\d+\.)*r\d+$`)

// unmatched is an error where a pattern is for no merge; ids says whether IDs are complete.
func (s *selection) unmatched(ids bool) error {
	for _, p := range slices.Concat(s.only, s.skip) {
		switch {
		case p.merge, !ids && id.MatchString(p.pattern):
		case p.node != "":
			return &onnxio.Hint{Err: fmt.Errorf("%s %q: it is for %q, which is part of no merge", p.flag, p.pattern, p.node), Advice: "inspect lists the merges; with -v the nodes of each"}
		default:
			return &onnxio.Hint{Err: fmt.Errorf("%s %q: no merge has this ID, and no node this name", p.flag, p.pattern), Advice: "inspect lists the merges; with -v the nodes of each. * stands for no /, ** between slashes for any parts"}
		}
	}
	return nil
}

// A skip is a merge that is not made.
type skip struct {
	id string
	explain.Decline
}

// choose keeps the merges of a plan that are to be made, and tells of the others.
func (s *selection) choose(of *planned, prefix string) (kept *plan.Plan, skipped []skip) {
	if s == nil {
		return of.plan, nil
	}
	s.look(of.explained.Graph.Model)
	keep := map[*plan.Region]bool{}
	for _, r := range of.plan.Regions {
		merged := of.merged(r)
		why := s.leaves(prefix+r.ID, merged)
		if why == "" {
			keep[r] = true
			continue
		}
		skipped = append(skipped, skip{r.ID, explain.Decline{Code: string(reason.Skipped), Node: merged[0], Nodes: merged,
			Message: fmt.Sprintf("merge %s (%s, %q) was left out, %s", prefix+r.ID, r.Derived(of.story), r.Value(), why)}})
	}
	return of.plan.Only(func(r *plan.Region) bool { return keep[r] }), skipped
}
