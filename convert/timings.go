package convert

// Timings are what models cost to run, side by side: runs interleaved, in one process.
type Timings struct {
	Engine  string        `json:"engine"`
	Threads int           `json:"threads"` // 0: as many as there are cores
	Runs    int           `json:"runs"`
	Warmup  int           `json:"warmup"`
	Inputs  []string      `json:"inputs,omitempty"`
	Models  []TimedModel  `json:"models"`
	Results []TimedResult `json:"results"`
}

// A TimedModel is what a model costs before it runs.
type TimedModel struct {
	Path    string             `json:"path"`
	Session float64            `json:"session_seconds"`
	Peak    int64              `json:"peak_bytes,omitempty"` // of a process that runs this model alone
	PerOp   map[string]float64 `json:"per_op_seconds,omitempty"`
}

// A TimedResult is one model at one batch size.
type TimedResult struct {
	Path      string   `json:"path"`
	Batch     int64    `json:"batch"`
	MedianMS  float64  `json:"median_ms"`
	P10MS     float64  `json:"p10_ms"`
	P90MS     float64  `json:"p90_ms"`
	PerSecond float64  `json:"items_per_second"`
	Ratio     *Speedup `json:"ratio_to_first,omitempty"`
}

// A Speedup says how many times as fast as the first model, with a 95 % confidence
// interval.
type Speedup struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}
