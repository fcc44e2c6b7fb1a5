import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;

/**
 * mongo-java-server on a file: {@code Main FILE PORT [CERTIFICATE KEY]}, with TLS if it has these (PEM, an EC key). A SIGTERM writes
 * everything out first.
 */
public class Main {
    /** The oldest version that current drivers talk to; newer ones announce what this server hasn't got. */
    private static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(4, 4, 0);
        }

        @Override
        public int getWireVersion() {
            return 9;
        }
    };

    public static void main(String[] arguments) throws GeneralSecurityException, InterruptedException, IOException {
        H2Backend backend = new H2Backend(arguments[0]);
        backend.version(VERSION);
        MongoServer server = new MongoServer(backend);
        if (arguments.length > 2) {
            server.enableSsl(key(Path.of(arguments[3])), null, certificate(Path.of(arguments[2])));
        }
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind("127.0.0.1", Integer.parseInt(arguments[1]));
        Thread.currentThread().join();
    }

    private static X509Certificate certificate(Path file) throws GeneralSecurityException, IOException {
        return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(Files.newInputStream(file));
    }

    private static PrivateKey key(Path file) throws GeneralSecurityException, IOException {
        String text = Files.readString(file).replaceAll("-----[^-]*-----|\\s", "");
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }
}
