package httpapi

import (
	_ "embed"
	"net/http"
)

// The description of every route, in parts so that each can be read at a sitting.
var (
	//go:embed openapi/paths.yaml
	openAPIPaths string
	//go:embed openapi/schemas.yaml
	openAPISchemas string
	//go:embed openapi/semaphores.yaml
	openAPISemaphores string
	//go:embed openapi/responses.yaml
	openAPIResponses string

	// Barriers and the data of znodes.

	//go:embed openapi/barriers-paths.yaml
	barrierPaths string
	//go:embed openapi/barriers-schemas.yaml
	barrierSchemas string
	//go:embed openapi/barriers-responses.yaml
	barrierResponses string

	// What operators do.

	//go:embed openapi/operation-paths.yaml
	operationPaths string
	//go:embed openapi/operation-schemas.yaml
	operationSchemas string
	//go:embed openapi/operation-responses.yaml
	operationResponses string
)

var yamlType = []string{"application/yaml"}

// openAPI is the OpenAPI 3.1 description of this door.
var openAPI = []byte(openAPIPaths + openAPISemaphores + barrierPaths + operationPaths +
	openAPISchemas + barrierSchemas + operationSchemas + openAPIResponses + barrierResponses + operationResponses)

func (c *call) openAPI() error {
	c.sendBytes(http.StatusOK, yamlType, c.api.cfg.Revision(), openAPI)
	return nil
}
