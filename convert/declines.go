package convert

// findDeclines collects the near misses worth telling people about.
func (p *planner) findDeclines() {
	p.plan.Declined = append(p.plan.Declined, p.declines...)
}
