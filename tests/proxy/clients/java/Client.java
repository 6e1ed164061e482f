// toxiproxy-java, as its users use it: `Client API UPSTREAM`. Says what it sees; fails when it is not right.

import eu.rekawek.toxiproxy.Proxy;
import eu.rekawek.toxiproxy.ToxiproxyClient;
import eu.rekawek.toxiproxy.model.Toxic;
import eu.rekawek.toxiproxy.model.ToxicDirection;
import eu.rekawek.toxiproxy.model.toxic.Latency;
import eu.rekawek.toxiproxy.model.toxic.Slicer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.util.stream.Collectors;

public class Client {
    static void say(Object... words) {
        System.out.println(java.util.Arrays.stream(words).map(String::valueOf).collect(Collectors.joining(" ")));
    }

    static void check(boolean right, String what) {
        if (!right) {
            throw new IllegalStateException(what);
        }
    }

    /** Milliseconds for an echo. */
    static long echo(String address) throws IOException {
        int colon = address.lastIndexOf(':');
        long began = System.nanoTime();
        try (Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)))) {
            socket.setSoTimeout(5000);
            socket.getOutputStream().write("ping".getBytes());
            check(socket.getInputStream().readNBytes(4).length == 4, "no echo");
        }
        return (System.nanoTime() - began) / 1_000_000;
    }

    static String names(ToxiproxyClient server) throws IOException {
        return server.getProxies().stream().map(Proxy::getName).sorted().collect(Collectors.joining(","));
    }

    public static void main(String[] arguments) throws Exception {
        String[] api = arguments[0].split(":");
        String upstream = arguments[1];
        ToxiproxyClient server = new ToxiproxyClient(api[0], Integer.parseInt(api[1]));
        check(server.version().contains("version"), "no version");

        Proxy proxy = server.createProxy("java", "127.0.0.1:0", upstream);
        say("created", proxy.getName(), proxy.getListen(), proxy.getUpstream().equals(upstream), proxy.isEnabled());
        try {
            server.createProxy("java", "127.0.0.1:0", upstream);
            check(false, "the name was free");
        } catch (IOException error) {
            say("again", error.getMessage());
        }
        say("listed", names(server), server.getProxyOrNull("nobody"));
        check(echo(proxy.getListen()) < 1000, "a slow echo");

        for (ToxicDirection stream : ToxicDirection.values()) {
            Latency latency = proxy.toxics().latency("latency" + stream, stream, 150).setJitter(20);
            say("latency", latency.getName(), latency.getStream(), latency.getLatency(), latency.getJitter());
            latency.setToxicity(0.1f);
            say("toxicity", proxy.toxics().get("latency" + stream).getToxicity());
            Slicer slicer = proxy.toxics().slicer("slicer" + stream, stream, 64, 10).setSizeVariation(16);
            say("slicer", slicer.getAverageSize(), slicer.getSizeVariation(), slicer.getDelay());
            say("bandwidth", proxy.toxics().bandwidth("bandwidth" + stream, stream, 1000).setRate(900).getRate());
            say("slow_close", proxy.toxics().slowClose("slow" + stream, stream, 5).setDelay(6).getDelay());
            say("timeout", proxy.toxics().timeout("timeout" + stream, stream, 60000).setTimeout(50000).getTimeout());
            say("reset_peer", proxy.toxics().resetPeer("reset" + stream, stream, 60000).setTimeout(5000).getTimeout());
            say("limit_data", proxy.toxics().limitData("limit" + stream, stream, 1000000).setBytes(1000).getBytes());
        }
        say("toxics", proxy.toxics().getAll().stream().map(Toxic::getName).collect(Collectors.joining(",")));
        proxy.toxics().get("latencyUPSTREAM").remove();
        try {
            proxy.toxics().get("latencyUPSTREAM");
            check(false, "still there");
        } catch (IOException error) {
            say("gone", error.getMessage());
        }

        server.reset();
        proxy.toxics().latency("slow", ToxicDirection.DOWNSTREAM, 150);
        check(echo(proxy.getListen()) >= 149, "a fast echo");
        proxy.disable();
        try {
            echo(proxy.getListen());
            check(false, "still open");
        } catch (ConnectException error) {
            say("disabled", proxy.isEnabled());
        }
        proxy.enable();
        server.reset();
        say("reset", server.getProxy("java").isEnabled(), proxy.toxics().getAll().size());
        check(echo(proxy.getListen()) < 149, "a slow echo after the reset");

        proxy.setUpstream("127.0.0.1:1");
        say("upstream", server.getProxy("java").getUpstream());
        proxy.delete();
        say("left", server.getProxyOrNull("java"));
    }
}
