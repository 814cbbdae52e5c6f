package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
)

func (a *app) proveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove ORIGINAL.onnx CONVERTED.onnx | --check CERTIFICATE.json [ORIGINAL.onnx CONVERTED.onnx]",
		Short: "Prove for every input that a model is another with linear parts merged",
		Long: `prove shows that the second model is the first with linear parts merged, whoever
made it. Nodes that compute the same from the same values are found by what they
do, whatever they are called, and weights are compared to the bit. Where the
models differ, the smallest pieces between values that both have are looked for.
Of each piece that is linear every coefficient is read off both: it is within one
rounding of itself, or within a few of the terms that are summed, and the report
says how many. Pieces that are not linear are compared on samples, which the
report says too; with --strict that is exit 4.

--certificate writes what was proved into a file, and --check proves it again: of the
same files, by their hashes, and piece by piece.

Flags that change what the original means are those of convert. docs/verify.md
says what is assumed.`,
		ValidArgsFunction: models(2),
	}
	s := flagged(cmd)
	two := exactly("ORIGINAL.onnx", "CONVERTED.onnx")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if s.check != "" && len(args) == 0 {
			return nil
		}
		return two(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.prove(cmd, s, args) }
	return cmd
}

// prove proves one model from another, or what a certificate says of them.
func (a *app) prove(cmd *cobra.Command, s *settings, models []string) error {
	opts, err := a.options(cmd, s)
	if err != nil {
		return err
	}
	given := cmd.Flags().Changed
	for flag, path := range map[string]string{"certificate": s.certificate, "check": s.check} {
		if given(flag) && path == "" {
			return coded(exitUsage, fmt.Errorf("--%s: an empty name", flag))
		}
	}
	var c *convert.Certificate
	if given("check") {
		for _, flag := range []string{"seed", "samples", "dim", "batch-stats-as-inference", "freeze-inputs", "fold-dequantize"} {
			if given(flag) {
				return wrongUse(cmd, fmt.Errorf("--%s is what the certificate says", flag))
			}
		}
		if c, err = readCertificate(s.check); err != nil {
			return err
		}
		if len(models) == 0 {
			models = []string{c.Original.Path, c.Converted.Path}
		}
	}
	ctx := cmd.Context()
	writes := s.outputs()
	if s.certificate != "" {
		writes = append(writes, output.Target{Flag: "--certificate", Path: s.certificate})
		opts.Hashes = true
	}
	reads := s.reads(opts, models...)
	if s.check != "" {
		reads = append(reads, s.check)
	}
	if err := writes.check(reads); err != nil {
		r := failing("prove", models[0])
		r.Output = &convert.FileFacts{Path: models[1]}
		return a.conclude(ctx, s, nil, r, err)
	}
	step, end := a.progress()
	opts.Progress, opts.Opened = step, spares(writes)
	var r *convert.Report
	if c == nil {
		r, err = convert.ProveFiles(ctx, models[0], models[1], opts)
	} else {
		r, err = convert.CheckCertificate(ctx, c, models[0], models[1], opts)
	}
	collect(thrifty)
	end()
	if err == nil && s.certificate != "" {
		err = certify(ctx, r, opts, s.certificate)
	}
	switch {
	case err == nil:
		err = a.tell(s, r, plain)
	case errors.Is(err, convert.ErrNotEquivalent) && !s.json && a.depth() == plain: // where to look; a failing standard output is noticed at the end
		writeText(a.out, r, plain, a.look)
	}
	return a.conclude(ctx, s, nil, r, err)
}

// largestCertificate is how many bytes of a certificate are read.
const largestCertificate = 1 << 28

func readCertificate(path string) (*convert.Certificate, error) {
	f, err := output.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, largestCertificate))
	if err != nil {
		return nil, fmt.Errorf("reading the certificate %q: %w", path, err)
	}
	c, err := convert.ReadCertificate(b)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return c, nil
}

// certify writes the certificate of a report.
func certify(ctx context.Context, r *convert.Report, opts convert.Options, path string) error {
	c, err := convert.Certify(ctx, r, opts)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	f, err := output.Create(path, output.Options{})
	if err != nil {
		return fmt.Errorf("writing the certificate %q: %w", path, err)
	}
	defer f.Close()
	if _, err = f.Write(append(b, '\n')); err == nil {
		err = f.Commit()
	}
	if err != nil {
		return fmt.Errorf("writing the certificate %q: %w", path, err)
	}
	return nil
}
