package convert

// Rules lists every rule in the order in which they are asked. The first one
// that explains a node wins.
func Rules() []rule {
	return []rule{
		viewRule,
		transposeRule,
		convRule,
		fcRule,
		batchNormRule,
		scaleRule,
		sumRule,
		poolRule,
		padRule,
		splitFCRule,
		selectRule,
	}
}

// Catalogue is the documentation of all rules, in order.
func Catalogue() []Doc {
	var docs []Doc
	for _, r := range Rules() {
		docs = append(docs, r.Doc)
	}
	return docs
}
