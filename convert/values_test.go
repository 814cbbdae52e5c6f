package convert_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Looking at the values plans what a conversion does.
func TestPlanValuesIsWhatConvertDoes(t *testing.T) {
	eachCase(t, func(t *testing.T, c testCase, m *onnxio.Model) {
		plan, err := convert.PlanValues(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
		if err != nil {
			t.Fatal(err)
		}
		want := convertModel(t, m).Plan
		if have, want := plan.Regions, want.Regions; !reflect.DeepEqual(have, want) {
			t.Errorf("regions are %+v, want %+v", have, want)
		}
		if !reflect.DeepEqual(plan.Declined, want.Declined) {
			t.Errorf("declined is %+v, want %+v", plan.Declined, want.Declined)
		}
	})
}

// A reason that only numbers give is not found without them.
func TestPlanValuesFindsWhatPlanModelCannot(t *testing.T) {
	m := testCase{Name: "t_bn_negative_var"}.load(t)
	blind, err := convert.PlanModel(m, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seeing, err := convert.PlanValues(context.Background(), m, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	declined := func(p *convert.Plan) bool {
		return slices.ContainsFunc(p.Declined, func(d convert.Decline) bool { return d.Code == "bn_invalid_variance" })
	}
	if declined(blind) || !declined(seeing) {
		t.Errorf("without values %+v, with values %+v", blind.Declined, seeing.Declined)
	}
}
