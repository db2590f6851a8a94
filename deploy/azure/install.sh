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

program=/usr/local/bin/fwprobe-echo
directory=/etc/fwprobe-echo
service=/etc/systemd/system/fwprobe-echo.service
new=$directory/new
work=$(mktemp -d)
trap 'rm -rf "$work" "$new" "$program.new"' EXIT

say() { echo "fwprobe: $*"; }
plain() { printf '%s' "$1" | base64 -d; }
# put TEXT-IN-BASE64 MODE GROUP FILE
put() {
  plain "$1" >"$work/file"
  install -m "$2" -o root -g "$3" "$work/file" "$4"
}
promised() { printf '%s  %s\n' "$(plain "$server_sha256")" "$1" | sha256sum --check --status 2>/dev/null; }

# The package manager may be at work until the first boot is over. 2: over, with warnings.
if command -v cloud-init >/dev/null; then
  cloud-init status --wait >/dev/null || [ $? -eq 2 ] || say 'cloud-init reports an error; going on'
fi

# --- beside what is in use: nothing is replaced before all of it is found good -----------------------------
# Where the server is there already, the address may have expired.
wanted=$program
if ! promised "$program"; then
  say 'downloading the server'
  # The address is no argument: every user of the machine could read it there.
  printf 'url = "%s"\n' "$(plain "$server_url")" |
    curl --config - --fail --silent --show-error --location --proto '=https' --connect-timeout 20 \
      --max-time 300 --max-filesize 200000000 --retry 5 --retry-connrefused --output "$work/fwprobe-echo"
  if ! promised "$work/fwprobe-echo"; then
    say 'what was downloaded is not the file that was promised: its SHA-256 is another' >&2
    exit 1
  fi
  wanted=$program.new
  install -m 0755 -o root -g root "$work/fwprobe-echo" "$wanted"
fi

getent group fwprobe-echo >/dev/null || groupadd --system fwprobe-echo
getent passwd fwprobe-echo >/dev/null ||
  useradd --system --gid fwprobe-echo --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin fwprobe-echo

rm -rf "$new"
install -d -m 0755 "$directory"
install -d -m 0750 -o root -g fwprobe-echo "$directory/identity" "$new" "$new/identity"
put "$identity_key" 0640 fwprobe-echo "$new/identity/server-key.pem"
put "$identity_certificate" 0640 fwprobe-echo "$new/identity/server-certificate.pem"
put "$identity_client_keys" 0640 fwprobe-echo "$new/identity/keys.toml"
put "$configuration" 0644 root "$new/config.toml"
put "$unit" 0644 root "$new/fwprobe-echo.service"

# All of its problems end up in the extension's status, not in a log that nobody can reach.
runuser -u fwprobe-echo -- "$wanted" check-config --config "$new/config.toml" --identity "$new/identity" \
  >"$work/check" 2>&1 || { cat "$work/check" >&2; exit 1; }

# --- into use ----------------------------------------------------------------------------------------------
# Sessions outlive a reload; but it takes over neither these nor another control port.
control_port() { sed -n 's/^control_port *= *//p' "$1/identity/keys.toml"; }
how=restart
if [ "$wanted" = "$program" ] &&
  cmp -s "$new/config.toml" "$directory/config.toml" &&
  cmp -s "$new/fwprobe-echo.service" "$service" &&
  [ "$(control_port "$new")" = "$(control_port "$directory")" ] &&
  systemctl is-active --quiet fwprobe-echo.service; then
  how=reload
fi

# Each is renamed, so never half-written. The directories stay: they are what the running server may read.
mv -f "$new"/identity/* "$directory/identity/"
mv -f "$new/config.toml" "$directory/config.toml"
mv -f "$new/fwprobe-echo.service" "$service"
[ "$wanted" = "$program" ] || mv -f "$wanted" "$program"

# From the host's name, so that the instances of a scale set do not all leave at once.
at=$(printf '02:%02d' $(($(cksum <<<"$HOSTNAME" | cut -d ' ' -f 1) % 60)))
cat >"$work/reboot" <<TEXT
// Patched kernels are installed, but run only after a reboot, and nobody is here to do it.
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-Time "$at";
TEXT
install -m 0644 -o root -g root "$work/reboot" /etc/apt/apt.conf.d/52fwprobe-echo

# Nobody logs in here; the security group agrees.
systemctl disable --now ssh.socket ssh.service >/dev/null 2>&1 || true
systemctl daemon-reload
systemctl enable --quiet fwprobe-echo.service
if ! systemctl "$how" fwprobe-echo.service; then
  journalctl --unit fwprobe-echo --lines 30 --no-pager >&2
  exit 1
fi
say "${how}ed"
