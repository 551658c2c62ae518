/** Holds the text of its argument in its heap, and runs. */
public class Runtime {
    static String secret;

    public static void main(String[] arguments) throws Exception {
        secret = new StringBuilder(arguments[0]).toString();
        System.out.println("ready");
        Thread.sleep(Long.MAX_VALUE);
    }
}
