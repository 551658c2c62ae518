"""Programs whose purpose is to hold secrets in memory, with the source of each fact."""

from __future__ import annotations

_KEYS = "private keys"
_PASSWORDS = "passwords"
_BROWSER = "passwords, cookies"
_TLS = "TLS keys"

# A program, what it holds, and the source of that fact.
_TABLE = (
    ("ssh-agent", _KEYS, "ssh-agent(1)"),
    ("yubikey-agent", "PIN", "github.com/FiloSottile/yubikey-agent"),
    ("gpg-agent", f"{_KEYS}, passphrases", "gpg-agent(1)"),
    ("scdaemon", "PIN", "scdaemon(1)"),
    ("step-ca", _KEYS, "smallstep.com/docs/step-ca"),
    ("gnome-keyring-daemon", _PASSWORDS, "gnome-keyring-daemon(1)"),
    ("oo7-daemon", _PASSWORDS, "github.com/linux-credentials/oo7"),
    ("ksecretd", _PASSWORDS, "KDE Frameworks, KWallet"),
    ("kwalletd5", _PASSWORDS, "KDE Frameworks, KWallet"),
    ("kwalletd6", _PASSWORDS, "KDE Frameworks, KWallet"),
    ("keepassxc", _PASSWORDS, "keepassxc(1)"),
    ("1password", _PASSWORDS, "support.1password.com"),
    ("bitwarden", _PASSWORDS, "bitwarden.com/help"),
    ("rbw-agent", _PASSWORDS, "github.com/doy/rbw"),
    ("vault", _KEYS, "developer.hashicorp.com/vault/docs"),
    ("bao", _KEYS, "openbao.org/docs"),
    ("sssd_be", _PASSWORDS, "sssd(8)"),
    ("krb5kdc", _KEYS, "krb5kdc(8)"),
    ("kcm", "Kerberos tickets", "sssd-kcm(8)"),
    ("sssd_kcm", "Kerberos tickets", "sssd-kcm(8)"),
    ("sshd", _KEYS, "sshd(8), HostKey"),
    ("sshd-session", _KEYS, "sshd(8), HostKey"),
    ("wpa_supplicant", "Wi-Fi passwords", "wpa_supplicant.conf(5)"),
    ("iwd", "Wi-Fi passwords", "iwd.network(5)"),
    ("NetworkManager", "Wi-Fi and VPN passwords", "nm-settings-nmcli(5)"),
    ("openvpn", _KEYS, "openvpn(8)"),
    ("charon", _KEYS, "strongswan.conf(5)"),
    ("tailscaled", _KEYS, "tailscale.com/kb"),
    ("nginx", _TLS, "nginx.org, ssl_certificate_key"),
    ("apache2", _TLS, "httpd.apache.org, SSLCertificateKeyFile"),
    ("httpd", _TLS, "httpd.apache.org, SSLCertificateKeyFile"),
    ("caddy", _TLS, "caddyserver.com/docs/automatic-https"),
    ("haproxy", _TLS, "haproxy.org, crt"),
    ("traefik", _TLS, "doc.traefik.io, tls"),
    ("envoy", _TLS, "envoyproxy.io, tls_certificates"),
    ("stunnel", _TLS, "stunnel(8)"),
    ("firefox", _BROWSER, "support.mozilla.org, where Firefox stores passwords"),
    ("firefox-bin", _BROWSER, "support.mozilla.org, where Firefox stores passwords"),
    ("firefox-esr", _BROWSER, "support.mozilla.org, where Firefox stores passwords"),
    ("librewolf", _BROWSER, "support.mozilla.org, where Firefox stores passwords"),
    ("thunderbird", "mail, passwords", "support.mozilla.org, Thunderbird password manager"),
    ("thunderbird-bin", "mail, passwords", "support.mozilla.org, Thunderbird password manager"),
    ("chrome", _BROWSER, "chromium.org, components/os_crypt"),
    ("chromium", _BROWSER, "chromium.org, components/os_crypt"),
    ("brave", _BROWSER, "chromium.org, components/os_crypt"),
    ("msedge", _BROWSER, "chromium.org, components/os_crypt"),
    ("opera", _BROWSER, "chromium.org, components/os_crypt"),
    ("vivaldi-bin", _BROWSER, "chromium.org, components/os_crypt"),
    ("epiphany", _BROWSER, "epiphany(1)"),
)

HOLDERS = {program: (what, source) for program, what, source in _TABLE}
"""Maps a program to what it holds, and to the source of that fact."""

_COMM_LENGTH = 15  # TASK_COMM_LEN less its NUL, include/linux/sched.h

_BY_COMM = {program[:_COMM_LENGTH]: what for program, (what, _) in HOLDERS.items()}


def secret_held_by(program: str, comm: str) -> str | None:
    """Return what a program holds, looked up by its name, or by its comm if that is all we know."""
    found = HOLDERS.get(program)
    if found is not None:
        return found[0]
    return _BY_COMM.get(comm) if program == comm else None
