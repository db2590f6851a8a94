#!/usr/bin/env bash
# A run of fwprobe on each Linux VM of a resource group by run commands of Azure, which need no way into the VMs. What a
# command prints is cut to a few kilobytes, so each run sends its document to a container of Azure Blob Storage. This has
# not been run against a live subscription yet.
#
# usage: azure.sh RESOURCE-GROUP ECHO.TXT CONTAINER-URL PROGRAM-URL
#        CONTAINER-URL  https://ACCOUNT.blob.core.windows.net/CONTAINER/?SAS, with the right to create
#        PROGRAM-URL    where the VMs fetch the static program; a SAS to read is possible
set -euo pipefail
[ $# -eq 4 ] || { sed -n '/^# usage: /,/^[^#]/s/^# //p' "$0" >&2; exit 2; }
group=$1 connection=$(<"$2") container=$3 program=$4

# The secrets come as protected parameters, and go to a file that is removed at the end, not into arguments.
# shellcheck disable=SC2016 # the VM's shell expands it
script='
set -eu
umask 077
folder=$(mktemp -d)
trap "rm -rf $folder" EXIT
cd "$folder"
curl --fail --silent --show-error --retry 3 --output fwprobe "$program"
chmod +x fwprobe
printf "connection = \"%s\"\nprofile = \"hpc-2008r2-sp1\"\noutput = [\"runs/\", \"%s\"]\n" "$connection" "$container" >config.toml
./fwprobe run --config config.toml --start-jitter 1m --label "node=$vm" || [ $? -ne 2 ]
'

vms=$(az vm list --resource-group "$group" --query "[?storageProfile.osDisk.osType=='Linux'].name" --output tsv)
for vm in $vms; do
  az vm run-command create --resource-group "$group" --vm-name "$vm" --name fwprobe \
    --script "$script" --timeout-in-seconds 900 --no-wait \
    --parameters "vm=$vm" \
    --protected-parameters "connection=$connection" "container=$container" "program=$program"
done

echo "Once the runs have ended: az storage blob download-batch --destination runs ..., then"
echo "fwprobe merge runs --expect-nodes \"$(echo "$vms" | paste --serial --delimiters=,)\""
