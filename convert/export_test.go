package convert

// Spellings that only auto chooses.
const (
	FCColumns = fcColumns
	FCSplit   = fcSplit
)
