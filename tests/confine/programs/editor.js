// An editor with an extension host, as VS Code starts them: editor.js PID. The host is a fork that
// answers over IPC; an extension in it starts a language server that answers over a pipe. Each
// part tries to read the environment of PID.
const { fork, spawn } = require('child_process');
const fs = require('fs');

function steal(pid) {
    try {
        return fs.readFileSync(`/proc/${pid}/environ`, 'latin1');
    } catch (error) {
        return error.code;
    }
}

function beEditor(pid) {
    const host = fork(__filename, ['host', pid]);
    host.on('message', (message) => {
        if (message.ready)
            return host.send({ activate: 'extension' });
        console.log(JSON.stringify({ editor: steal(pid), ...message }));
        host.disconnect();
    });
    host.on('exit', (code) => { process.exitCode = code; });
}

function beHost(pid) {
    process.on('message', ({ activate }) => {
        const server = spawn(process.execPath, [__filename, 'server'], { stdio: ['pipe', 'pipe', 'inherit'] });
        server.stdout.on('data', (answer) => {
            process.send({ activate, extension: steal(pid), server: answer.toString() });
            server.kill();
        });
        server.stdin.write(pid);
    });
    process.send({ ready: true });
}

function beServer() {
    process.stdin.on('data', (pid) => process.stdout.write(steal(pid)));
}

const [role, pid] = process.argv.slice(2);
if (role === 'host')
    beHost(pid);
else if (role === 'server')
    beServer();
else
    beEditor(role);
