import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;

/** What a program can learn of itself, and starting itself by that. */
public class Self {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) {
            System.out.println("sum " + IntStream.range(0, 100000).parallel().sum());
            return;
        }
        String command = ProcessHandle.current().info().command().orElse("unknown");
        System.out.println(command + " " + Files.readSymbolicLink(Path.of("/proc/self/exe")));
        System.out.println(System.getProperty("java.home"));
        Process child = new ProcessBuilder(command, "-cp", "classes", "Self", "child").inheritIO().start();
        System.out.println("exited with " + child.waitFor());
        System.out.println("its parent is me: " + child.toHandle().parent().isEmpty());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("a shutdown hook")));
        System.exit(5 - 5);
    }
}
