package main

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
)

// batches asks a member how many requests its batches have had on average since before, which
// it returns anew.
func batches(ctx context.Context, address string, before [2]float64) (perBatch float64, now [2]float64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return 0, before, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, before, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "lockkeeper_store_batches_total":
			now[0], _ = strconv.ParseFloat(value, 64) // what Prometheus can read, we can
		case "lockkeeper_store_requests_total":
			now[1], _ = strconv.ParseFloat(value, 64)
		}
	}
	return (now[1] - before[1]) / max(1, now[0]-before[0]), now, lines.Err()
}
