package convert

// The verdicts of a Report.
const (
	Fused     = "fused"     // something was merged, no candidate declined
	Partial   = "partial"   // something was merged, some candidate declined
	Declined  = "declined"  // nothing was merged, some candidate declined
	Unchanged = "unchanged" // no candidate

	Failed        = "failed"         // the run ended with an error
	NotEquivalent = "not_equivalent" // a proof or a comparison failed
	Equivalent    = "equivalent"     // a comparison passed

	Same      = "same"      // two models do not differ
	Different = "different" // and where they do

	WouldFuse      = "would_fuse"       // what Fused is before the work
	WouldBePartial = "would_be_partial" // and Partial
)

// Would turns the verdict of a conversion into that of an inspection, which did not
// carry it out.
func Would(verdict string) string {
	switch verdict {
	case Fused:
		return WouldFuse
	case Partial:
		return WouldBePartial
	}
	return verdict
}

// verdict sums the plan up; something that is left on purpose counts as declined.
func (s *summary) verdict(left bool) string {
	declined := left
	for _, d := range s.Declined {
		declined = declined || !d.Growth()
	}
	switch {
	case len(s.Regions) > 0 && declined:
		return Partial
	case len(s.Regions) > 0:
		return Fused
	case declined:
		return Declined
	}
	return Unchanged
}
