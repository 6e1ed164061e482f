// Shopify's own Go client, as its users use it: `client API UPSTREAM`. Says what it sees; fails when it is not right.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

var toxics = []struct {
	kind       string
	attributes toxiproxy.Attributes
}{
	{"latency", toxiproxy.Attributes{"latency": 150, "jitter": 0}},
	{"bandwidth", toxiproxy.Attributes{"rate": 1000}},
	{"slow_close", toxiproxy.Attributes{"delay": 5}},
	{"timeout", toxiproxy.Attributes{"timeout": 60000}},
	{"reset_peer", toxiproxy.Attributes{"timeout": 60000}},
	{"slicer", toxiproxy.Attributes{"average_size": 64, "size_variation": 16, "delay": 10}},
	{"limit_data", toxiproxy.Attributes{"bytes": 1000000}},
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func check(right bool, what string) {
	if !right {
		must(errors.New(what))
	}
}

func shown(value any) string {
	text, err := json.Marshal(value)
	must(err)
	return string(text)
}

// echo is the time for an echo.
func echo(address string) (time.Duration, error) {
	began := time.Now()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	must(conn.SetDeadline(time.Now().Add(5 * time.Second)))
	if _, err = conn.Write([]byte("ping")); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(conn, make([]byte, 4))
	return time.Since(began), err
}

func names(server *toxiproxy.Client, prefix string) []string {
	proxies, err := server.Proxies()
	must(err)
	found := []string{}
	for name := range proxies {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found
}

func main() {
	api, upstream := os.Args[1], os.Args[2]
	server := toxiproxy.NewClient(api)
	version, err := server.Version()
	must(err)
	check(strings.Contains(string(version), "version"), "no version")

	proxy, err := server.CreateProxy("go", "127.0.0.1:0", upstream)
	must(err)
	fmt.Println("created", proxy.Name, proxy.Listen, proxy.Upstream == upstream, proxy.Enabled)
	_, err = server.CreateProxy("go", "127.0.0.1:0", upstream)
	fmt.Println("again", err)
	_, err = server.Proxy("nobody")
	fmt.Println("nobody", err)
	fmt.Println("listed", names(server, ""))
	took, err := echo(proxy.Listen)
	must(err)
	check(took < time.Second, "a slow echo")

	for _, toxic := range toxics {
		for _, stream := range []string{"upstream", "downstream"} {
			added, err := proxy.AddToxic("", toxic.kind, stream, 0.1, toxic.attributes)
			must(err)
			check(shown(added.Attributes) == shown(toxic.attributes), "other attributes")
			fmt.Println("toxic", shown(added))
			changed, err := proxy.UpdateToxic(added.Name, 0.25, toxic.attributes)
			must(err)
			check(changed.Toxicity == 0.25, "another toxicity")
		}
	}
	all, err := proxy.Toxics()
	must(err)
	fmt.Println("toxics", shown(all))
	_, err = proxy.AddToxic("x", "latancy", "upstream", 1, nil)
	fmt.Println("bad type", err)
	_, err = proxy.AddToxic("x", "latency", "sideways", 1, nil)
	fmt.Println("bad stream", err)
	_, err = proxy.AddToxic("latency_upstream", "latency", "upstream", 1, nil)
	fmt.Println("taken", err)
	_, err = proxy.AddToxic("x", "latency", "upstream", 1, toxiproxy.Attributes{"latency": "soon"})
	check(err != nil, "a bad attribute is taken")
	must(server.RemoveToxic(&toxiproxy.ToxicOptions{ProxyName: "go", ToxicName: "latency_upstream"}))
	fmt.Println("gone", proxy.RemoveToxic("latency_upstream"))

	must(server.ResetState())
	_, err = server.AddToxic(&toxiproxy.ToxicOptions{
		ProxyName: "go", ToxicName: "slow", ToxicType: "latency", Toxicity: 1,
		Stream: "downstream", Attributes: toxiproxy.Attributes{"latency": 150},
	})
	must(err)
	took, err = echo(proxy.Listen)
	must(err)
	check(took >= 149*time.Millisecond, "a fast echo")
	must(proxy.Disable())
	_, err = echo(proxy.Listen)
	fmt.Println("disabled", proxy.Enabled, errors.Is(err, syscall.ECONNREFUSED))
	must(proxy.Enable())
	must(server.ResetState())
	proxy, err = server.Proxy("go")
	must(err)
	fmt.Println("reset", proxy.Enabled, shown(proxy.ActiveToxics))
	took, err = echo(proxy.Listen)
	must(err)
	check(took < 149*time.Millisecond, "a slow echo after the reset")

	_, err = server.Populate([]toxiproxy.Proxy{{Name: "go2", Listen: "127.0.0.1:0", Upstream: upstream, Enabled: true}})
	must(err)
	must(proxy.Delete())
	fmt.Println("left", names(server, "go"), proxy.Delete())
	other, err := server.Proxy("go2")
	must(err)
	other.Upstream = "127.0.0.1:1"
	must(other.Save())
	fmt.Println("saved", other.Upstream, other.Enabled)
	must(other.Delete())
	fmt.Println("left", names(server, "go"))
}
