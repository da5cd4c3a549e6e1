import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.net.tftp.TFTP;
import org.apache.commons.net.tftp.TFTPClient;

/**
 * Reads one file with Apache Commons Net: Read ADDRESS PORT NAME PATH
 *
 * The client sends no request twice, so whoever uses it asks again when nothing came.
 */
public final class Read {
    private static final int TRIES = 5;
    private static final int SILENCES_MAX = 2; // of 5 s each

    public static void main(String[] words) throws Exception {
        InetAddress address = InetAddress.getByName(words[0]);
        IOException last = null;
        for (int tried = 0; tried < TRIES; tried++) {
            TFTPClient client = new TFTPClient();
            client.setMaxTimeouts(SILENCES_MAX);
            client.open();
            try (OutputStream file = Files.newOutputStream(Path.of(words[3]))) {
                client.receiveFile(words[2], TFTP.BINARY_MODE, file, address, Integer.parseInt(words[1]));
                return;
            } catch (IOException error) {
                last = error;
            } finally {
                client.close();
            }
        }
        throw last;
    }
}
