#!/usr/bin/env bash
# Puts an echo server into Azure, waits until a probe reaches it, and takes it away again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<'TEXT'
deploy.sh: an echo server in Azure, for one profile and the head nodes you name.

  deploy.sh --group GROUP --region REGION --name NAME --profile PROFILE
            --source CIDR [--source CIDR]… --server FILE --server-url URL
            [--variant vm|scale-set] [--what-if] [further options]
  deploy.sh --delete --group GROUP --name NAME [--what-if]

  --group GROUP      resource group; if it does not exist, the script makes it,
                     and --delete deletes it
  --region REGION    for example westeurope
  --name NAME        name of all resources; the DNS name begins with it:
                     NAME.REGION.cloudapp.azure.com
  --profile PROFILE  a file in parameters/, without .json
  --source CIDR      public address of a head node, as its firewall shows it.
                     Repeatable
  --server FILE      the static fwprobe-echo for Linux x86-64
  --server-url URL   where the machine downloads the same file (https)
  --variant VARIANT  vm (default), or scale-set: behind a load balancer
  --identity DIR     the server's identity [NAME.identity]; made if not there
  --key LABEL        label of a client key to make with the identity
                     [head node]. Repeatable
  --control-port N   control port for a new identity; it belongs to no profile
                     [8443]
  --idle-timeout N   minutes, 4 to 30 [4]
  --tcp-reset        scale-set: reset idle connections, do not just forget them
  --shutdown HHMM    vm: switch it off every day at that time (UTC)
  --ssh-public-key FILE
                     SSH key for the machine; by default a new key whose private
                     half is discarded. Neither network nor machine lets SSH in
  --dns-suffix NAME  DNS suffix for other Azure clouds, for example
                     cloudapp.usgovcloudapi.net
  --fwprobe PROGRAM  the client used to test whether the server is reachable
                     [fwprobe]
  --wait SECONDS     maximum time until a probe reaches the server [900]
  --no-wait          do not wait for that
  --what-if          show what would change, and change nothing
  --delete           delete the resource group that this script made, with all
                     that is in it

Exit codes: 0 done; 1 Azure refused; 2 usage; else that of the last fwprobe run.
TEXT
}

# --- arguments ---------------------------------------------------------------------------------------
group='' region='' name='' profile='' server='' server_url='' identity='' ssh_public_key='' shutdown=''
variant=vm control_port=8443 idle_timeout=4 tcp_reset=false dns_suffix=cloudapp.azure.com
fwprobe=fwprobe wait_seconds=900 action=deploy what_if=false
sources=() labels=() problems=()

while [ $# -gt 0 ]; do
  option=$1
  case $option in
  --what-if) what_if=true; shift; continue ;;
  --delete) action=delete; shift; continue ;;
  --no-wait) wait_seconds=0; shift; continue ;;
  --tcp-reset) tcp_reset=true; shift; continue ;;
  -h | --help) usage; exit 0 ;;
  esac
  if [ $# -lt 2 ]; then
    problems+=("$option: it needs a value, or there is no such option; --help lists them")
    break
  fi
  case $option in
  --group) group=$2 ;;
  --region) region=$2 ;;
  --name) name=$2 ;;
  --profile) profile=$2 ;;
  --source) sources+=("$2") ;;
  --server) server=$2 ;;
  --server-url) server_url=$2 ;;
  --variant) variant=$2 ;;
  --identity) identity=$2 ;;
  --key) labels+=("$2") ;;
  --control-port) control_port=$2 ;;
  --idle-timeout) idle_timeout=$2 ;;
  --shutdown) shutdown=$2 ;;
  --ssh-public-key) ssh_public_key=$2 ;;
  --dns-suffix) dns_suffix=$2 ;;
  --fwprobe) fwprobe=$2 ;;
  --wait) wait_seconds=$2 ;;
  *) problems+=("$option: there is no such option; --help lists them") ;;
  esac
  shift 2
done

# want OPTION VALUE PATTERN WHAT-WOULD-BE-RIGHT
want() { [[ $2 =~ ^($3)$ ]] || problems+=("$1 '$2': $4"); }

# Azure's words for many addresses, like Internet, are no addresses; and 0.0.0.0 may stand for all.
want_source() {
  local prefix=$1 length octet='(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
  if ! [[ $prefix =~ ^$octet(\.$octet){3}(/(3[0-2]|[12]?[0-9]))?$ ]]; then
    problems+=("--source '$prefix': expected an IPv4 address or prefix, like 203.0.113.7/32")
    return
  fi
  length=${prefix#*/}
  [ "$length" != "$prefix" ] || length=32
  if [ "$length" -lt 8 ] || [[ $prefix == 0.* ]]; then
    problems+=("--source '$prefix': expected /8 to /32; the server is for your head nodes alone")
  fi
}

want --group "$group" '[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]' 'expected the name of a resource group'
want --name "$name" '[a-z][a-z0-9-]{1,38}[a-z0-9]' \
  'expected lower-case letters, digits and hyphens, 3 to 40, a letter first'
if [ "$action" = deploy ]; then
  want --region "$region" '[a-z0-9]+' 'expected the name of a region, like westeurope'
  want --variant "$variant" 'vm|scale-set' 'expected vm or scale-set'
  want --server-url "$server_url" 'https://[A-Za-z0-9._~:/?@!$&()*+,;=%-]+' 'expected an https address'
  want --dns-suffix "$dns_suffix" '[a-z0-9.-]+' 'expected a DNS suffix'
  want --shutdown "$shutdown" '([01][0-9]|2[0-3])[0-5][0-9]|' 'expected a time, like 1930'
  want --idle-timeout "$idle_timeout" '[4-9]|[12][0-9]|30' 'expected minutes, 4 to 30'
  want --control-port "$control_port" '[1-9][0-9]{0,4}' 'expected a port'
  want --wait "$wait_seconds" '[0-9]{1,5}' 'expected seconds'
  parameters=$here/parameters/$profile.json
  if [ -z "$profile" ] || [ ! -f "$parameters" ]; then
    problems+=("--profile '$profile': there are $(cd "$here/parameters" && echo ./*.json | sed 's,\./,,g; s,\.json,,g')")
  fi
  if [ -f "$server" ] && [ -x "$server" ]; then
    server=$(realpath "$server")
  else
    problems+=("--server '$server': expected the program fwprobe-echo")
  fi
  [ -z "$ssh_public_key" ] || [ -f "$ssh_public_key" ] ||
    problems+=("--ssh-public-key '$ssh_public_key': there is no such file")
  [ "${#sources[@]}" -gt 0 ] ||
    problems+=('--source: give at least one; without any, nobody could connect')
  for source in "${sources[@]}"; do want_source "$source"; done
fi
command -v az >/dev/null || problems+=('az is not installed: https://aka.ms/azure-cli')
if [ "${#problems[@]}" -gt 0 ]; then
  printf 'deploy.sh: %s\n' "${problems[@]}" | fold -s -w 80 >&2
  exit 2
fi

say() { printf "%s\n" "deploy.sh: $*" >&2; }
# azure WORD…: az, whose refusal is the end. It says itself, above, what it did not like.
azure() {
  local status=0 words=()
  az "$@" || status=$?
  [ "$status" -ne 0 ] || return 0
  while [ $# -gt 0 ] && [[ $1 != -* ]]; do words+=("$1"); shift; done
  say "az ${words[*]} failed (exit code $status); nothing further is done"
  exit 1
}
# --- taking it away ----------------------------------------------------------------------------------
if [ "$action" = delete ]; then
  owner=$(azure group show --name "$group" --query tags.fwprobe --output tsv)
  if [ "$owner" != "$name" ]; then
    say "the resource group $group was not made by this script for $name, and is left alone."
    # No --tag: az does not take it together with --resource-group.
    mine="[?tags.fwprobe=='$name'].{name:name, kind:type}"
    say "what is in it for $name: az resource list --resource-group $group --query \"$mine\" --output table"
    exit 2
  fi
  if [ "$what_if" = true ]; then
    azure resource list --resource-group "$group" --output table
    say "all of this would be deleted, with the resource group $group"
    exit 0
  fi
  azure group delete --name "$group" --yes
  say "the resource group $group is deleted. The identity is still here; without a server it opens nothing."
  exit 0
fi

# --- the identity ------------------------------------------------------------------------------------
host=$name.$region.$dns_suffix
identity=${identity:-$name.identity}
connection=$identity/connection.txt
umask 077
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

make_identity() {
  local label arguments=()
  [ "${#labels[@]}" -gt 0 ] || labels=('head node')
  for label in "${labels[@]}"; do arguments+=(--key "$label"); done
  "$server" identity new --dir "$identity" --host "$host" --control-port "$control_port" \
    "${arguments[@]}" >"$temporary/identity"
  grep '^fwprobe://' "$temporary/identity" >"$connection"
  say "made the identity $identity; the connection strings are in $connection (secret)"
}

identity_there=true
if [ ! -f "$identity/server-key.pem" ]; then
  # Nothing changes, and what it would be changes nothing of what would be deployed.
  if [ "$what_if" = true ]; then identity_there=false; else make_identity; fi
fi
if [ "$identity_there" = true ]; then
  "$server" identity show --dir "$identity" >"$temporary/shown"
  control_port=$(sed -n 's/^control port *//p' "$temporary/shown")
  names=$(sed -n 's/^hosts *//p' "$temporary/shown")
  if ! tr -d ' ' <<<"$names" | tr , '\n' | grep -qxF "$host"; then
    say "the identity $identity is for $names, not for $host"
    say "use another --name and --region, or another --identity"
    exit 2
  fi
fi

# Kept: Azure refuses to deploy a machine again with another key.
if [ -z "$ssh_public_key" ]; then
  ssh_public_key=$identity/ssh-nobody.pub
  if [ ! -f "$ssh_public_key" ]; then
    ssh-keygen -q -t rsa -b 3072 -N '' -C 'private half thrown away' -f "$temporary/ssh"
    if [ "$identity_there" = true ]; then
      cp "$temporary/ssh.pub" "$ssh_public_key"
    else
      ssh_public_key=$temporary/ssh.pub
    fi
  fi
fi

# --- parameters --------------------------------------------------------------------------------------
# Each on its own: within an argument, a command that fails is taken for one that says nothing.
encoded() { if [ "$identity_there" = true ]; then base64 <"$identity/$1" | tr -d '\n'; fi; }
sha256=$(sha256sum "$server" | cut -d ' ' -f 1)
key=$(encoded server-key.pem)
certificate=$(encoded server-certificate.pem)
client_keys=$(encoded keys.toml)
admin_key=$(tr -d '"\\\n' <"$ssh_public_key")
# In a file: every user of this machine can read arguments.
parameter() { printf '    "%s": { "value": %s },\n' "$1" "$2"; }
list() { local IFS=,; printf '[%s]' "${*/#/\"}" | sed 's/,/",/g; s/\]$/"]/'; }
{
  printf '{\n  "%s": "%s",\n  "contentVersion": "1.0.0.0",\n  "parameters": {\n' "\$schema" \
    'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#'
  parameter name "\"$name\""
  parameter location "\"$region\""
  parameter variant "\"$variant\""
  parameter controlPort "$control_port"
  parameter sourcePrefixes "$(list "${sources[@]}")"
  parameter serverUrl "\"$server_url\""
  parameter serverSha256 "\"$sha256\""
  parameter identityKey "\"$key\""
  parameter identityCertificate "\"$certificate\""
  parameter identityClientKeys "\"$client_keys\""
  parameter idleTimeoutMinutes "$idle_timeout"
  parameter tcpReset "$tcp_reset"
  parameter shutdownTime "\"$shutdown\""
  printf '    "adminPublicKey": { "value": "%s" }\n  }\n}\n' "$admin_key"
} >"$temporary/parameters.json"

# --- deployment --------------------------------------------------------------------------------------
what=(
  --resource-group "$group" --name "fwprobe-$name" --template-file "$here/main.bicep"
  --parameters "@$parameters" --parameters "@$temporary/parameters.json"
)
exists=$(azure group exists --name "$group")
# A group that is somebody's would be taken for one of ours, and be deleted some day.
if [ "$exists" != true ] && [ "$exists" != false ]; then
  say "az group exists says '$exists', which is neither true nor false"
  exit 1
fi
if [ "$what_if" = true ]; then
  if [ "$exists" != true ]; then
    say "the resource group $group would be made in $region. Azure can tell the rest only once it exists"
    say "(empty, it costs nothing): az group create --name $group --location $region --tags fwprobe=$name"
    exit 0
  fi
  azure deployment group what-if "${what[@]}"
  exit 0
fi

if [ "$exists" != true ]; then
  azure group create --name "$group" --location "$region" --tags "fwprobe=$name" --output none
fi
say "deploying; this takes a few minutes"
given=$(azure deployment group create "${what[@]}" --query properties.outputs.host.value --output tsv)
if [ "$given" != "$host" ]; then
  say "Azure names it $given, the connection string $host: give --dns-suffix ${given#"$name.$region."} and a new --identity"
  exit 1
fi
say "deployed: $host"

# --- until a probe reaches it ------------------------------------------------------------------------
command="fwprobe run $profile --connection-file $connection"
if [ "$wait_seconds" -eq 0 ]; then
  say "on the head node: $command"
  exit 0
fi
if ! command -v "$fwprobe" >/dev/null; then
  say "there is no $fwprobe here to wait with. On the head node: $command"
  exit 0
fi
if [ ! -s "$connection" ]; then
  say "there is no $connection here to wait with. On the head node: fwprobe run $profile"
  exit 0
fi
head -n 1 "$connection" >"$temporary/connection"
until_second=$((SECONDS + wait_seconds))
while :; do
  status=0
  "$fwprobe" run "$profile" --connection-file "$temporary/connection" \
    --output "json=$temporary/run.json" >"$temporary/table" 2>"$temporary/errors" || status=$?
  # One port suffices: the others are then what this is all about.
  if grep -qE '"id": *"reachable(-with-loss)?"' "$temporary/run.json" 2>/dev/null; then
    cat "$temporary/table"
    say 'the server answers, and proves who it is'
    exit "$status"
  fi
  if [ "$status" -eq 2 ] || [ "$SECONDS" -ge "$until_second" ]; then
    cat "$temporary/table" "$temporary/errors"
    say "no port reached the server within $wait_seconds s. Does --source name this machine's public address?"
    machine='vm run-command invoke'
    [ "$variant" = vm ] || machine='vmss run-command invoke --instance-id 0'
    say "what the machine says: az $machine --resource-group $group --name $name \\"
    say "    --command-id RunShellScript --scripts 'journalctl -u fwprobe-echo -n 50'"
    [ "$status" -ne 0 ] || status=3
    exit "$status"
  fi
  sleep 10
done
