# Puts fwprobe-echo onto a machine and starts it. main.bicep puts the lines before this that set, each in
# base64: server_url, server_sha256, identity_key, identity_certificate, identity_client_keys,
# configuration, unit. Runs as root; run again, it brings the machine up to date. Prints no secret.
# shellcheck shell=bash disable=SC2154 # set by those lines

set -euo pipefail
umask 077

# The extension keeps this script, secrets included, in a file, one for each time that it ran. Bash reads on
# from the one that it has open.
case $0 in
/var/lib/waagent/*/download/*/script.sh) rm -f -- "${0%/*/*}"/*/script.sh ;;
esac

say() { echo "fwprobe: $*"; }
plain() { printf '%s' "$1" | base64 -d; }

# The package manager may be at work until the first boot is over. 2: over, with warnings.
if command -v cloud-init >/dev/null; then
  cloud-init status --wait >/dev/null || [ $? -eq 2 ] || say 'cloud-init reports an error; going on'
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say 'downloading the server'
# The address is no argument: every user of the machine could read it there.
printf 'url = "%s"\n' "$(plain "$server_url")" |
  curl --config - --fail --silent --show-error --location --proto '=https' --connect-timeout 20 \
    --max-time 300 --max-filesize 200000000 --retry 5 --retry-connrefused --output "$work/fwprobe-echo"
if ! printf '%s  %s\n' "$(plain "$server_sha256")" "$work/fwprobe-echo" | sha256sum --check --quiet; then
  say 'what was downloaded is not the file that was promised: its SHA-256 is another' >&2
  exit 1
fi

getent group fwprobe-echo >/dev/null || groupadd --system fwprobe-echo
getent passwd fwprobe-echo >/dev/null ||
  useradd --system --gid fwprobe-echo --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin fwprobe-echo

# put TEXT-IN-BASE64 MODE GROUP FILE: never half-written.
put() {
  plain "$1" >"$work/file"
  install -m "$2" -o root -g "$3" "$work/file" "$4.new"
  mv -f "$4.new" "$4"
}
install -d -m 0755 /etc/fwprobe-echo
install -d -m 0750 -o root -g fwprobe-echo /etc/fwprobe-echo/identity
put "$identity_key" 0640 fwprobe-echo /etc/fwprobe-echo/identity/server-key.pem
put "$identity_certificate" 0640 fwprobe-echo /etc/fwprobe-echo/identity/server-certificate.pem
put "$identity_client_keys" 0640 fwprobe-echo /etc/fwprobe-echo/identity/keys.toml
put "$configuration" 0644 root /etc/fwprobe-echo/config.toml
put "$unit" 0644 root /etc/systemd/system/fwprobe-echo.service
install -m 0755 -o root -g root "$work/fwprobe-echo" /usr/local/bin/fwprobe-echo.new
mv -f /usr/local/bin/fwprobe-echo.new /usr/local/bin/fwprobe-echo

# All of its problems end up in the extension's status, not in a log that nobody can reach.
runuser -u fwprobe-echo -- /usr/local/bin/fwprobe-echo check-config \
  --config /etc/fwprobe-echo/config.toml >"$work/check" 2>&1 || { cat "$work/check" >&2; exit 1; }

# Nobody logs in here; the security group agrees.
systemctl disable --now ssh.socket ssh.service >/dev/null 2>&1 || true
systemctl daemon-reload
systemctl enable --quiet fwprobe-echo.service
if ! systemctl restart fwprobe-echo.service; then
  journalctl --unit fwprobe-echo --lines 30 --no-pager >&2
  exit 1
fi
say 'started'
