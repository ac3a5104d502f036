package api

import (
	"strings"
	"testing"
)

// TestHealthSaysWhy makes sure that a health that is not good never comes without a reason that is known, and that what is
// only for information makes none worse.
func TestHealthSaysWhy(t *testing.T) {
	info := Problem{Code: "UB2211", Severity: "info", Summary: "bucket \"rooms\": scaling"}
	warning := Problem{Code: "UB2203", Severity: "warning", Summary: "homer does not answer"}
	for _, tt := range []struct {
		name     string
		verdict  Verdict
		problems []Problem
		level    Level
		says     string
		not      string
	}{
		{"well", Healthy, nil, OK, "healthy", "UB"},
		{"well, with something to know", Healthy, []Problem{info}, OK, "healthy", "UB"},
		{"on its way", Degraded, []Problem{info}, Warning, "scaling [UB2211]", "UB2203"},
		{"worse than on its way", Degraded, []Problem{info, warning}, Warning, "homer does not answer [UB2203]", "UB2211"},
	} {
		s := Status{Verdict: tt.verdict, Problems: tt.problems}
		if h, level := s.Health(ScopeCluster); level != tt.level || !strings.Contains(h.Text, tt.says) || strings.Contains(h.Text, tt.not) {
			t.Errorf("%s: %s, %s", tt.name, level, h.Text)
		}
	}
}
