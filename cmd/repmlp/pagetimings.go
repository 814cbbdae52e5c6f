package main

import (
	"fmt"

	"repmlp/convert"
)

// pageTimings are the latencies of models as bars.
type pageTimings struct {
	Says    string
	Batches []pageBatch
}

type pageBatch struct {
	Batch int64
	Rows  []pageTime
}

type pageTime struct {
	Model, MS, Spread, Ratio, Class string
	Median, Low, Wide               float64 // percent
}

// timingsOf draws the models of each batch size on one scale.
func timingsOf(t *convert.Timings) *pageTimings {
	p := &pageTimings{Says: fmt.Sprintf("%s, %s after %d for warming up, runs of the models interleaved", name(t.Engine), plural(t.Runs, "run"), t.Warmup)}
	if len(t.Inputs) > 0 {
		p.Says += ", inputs " + names(t.Inputs)
	}
	longest := map[int64]float64{}
	for _, x := range t.Results {
		longest[x.Batch] = max(longest[x.Batch], x.P90MS, x.MedianMS)
	}
	for _, x := range t.Results {
		n := len(p.Batches)
		if n == 0 || p.Batches[n-1].Batch != x.Batch {
			p.Batches = append(p.Batches, pageBatch{Batch: x.Batch})
			n++
		}
		b, scale := &p.Batches[n-1], 100/longest[x.Batch]
		row := pageTime{Model: name(x.Path), MS: fmt.Sprintf("%.2f", x.MedianMS), Spread: fmt.Sprintf("10th percentile %.2f ms, 90th %.2f ms, %.1f per second", x.P10MS, x.P90MS, x.PerSecond),
			Median: x.MedianMS * scale, Low: x.P10MS * scale, Wide: (x.P90MS - x.P10MS) * scale}
		if len(b.Rows) > 0 {
			row.Class = "new"
		}
		if x.Ratio != nil {
			row.Ratio = fmt.Sprintf("%.2f× (%.2f to %.2f)", x.Ratio.Value, x.Ratio.Low, x.Ratio.High)
		}
		b.Rows = append(b.Rows, row)
	}
	return p
}

// A benchPage is the page of a bench report.
type benchPage struct {
	*benchReport
	frame
	Headline string
	Timings  *pageTimings
}

func benchPageOf(r *benchReport) *benchPage {
	p := &benchPage{r, newFrame(), "Latency of " + plural(len(r.Models), "model"), timingsOf(&r.Timings)}
	for _, x := range r.Results {
		if x.Ratio != nil {
			p.Headline = fmt.Sprintf("%.2f× as fast at batch %d (%.2f to %.2f)", x.Ratio.Value, x.Batch, x.Ratio.Low, x.Ratio.High)
			break
		}
	}
	return p
}
