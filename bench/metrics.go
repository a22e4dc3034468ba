package main

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// gauges asks a member for some of its metrics that have no labels, and returns them in their
// order. One that it does not have is 0.
func gauges(ctx context.Context, address string, names ...string) ([]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	values := make([]float64, len(names))
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if i := slices.Index(names, name); i >= 0 {
			values[i], _ = strconv.ParseFloat(value, 64) // what Prometheus can read, we can
		}
	}
	return values, lines.Err()
}

// batches asks a member how many requests its batches have had on average since before, which
// it returns anew.
func batches(ctx context.Context, address string, before [2]float64) (perBatch float64, now [2]float64, err error) {
	v, err := gauges(ctx, address, "lockkeeper_store_batches_total", "lockkeeper_store_requests_total")
	if err != nil {
		return 0, before, err
	}
	now = [2]float64(v)
	return (now[1] - before[1]) / max(1, now[0]-before[0]), now, nil
}
