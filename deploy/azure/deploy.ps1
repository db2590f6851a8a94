#Requires -Version 5.1
<#
.SYNOPSIS
Puts an echo server into Azure, waits until a probe reaches it, and takes it away again.

.DESCRIPTION
What deploy.sh does, for Windows. The identity must be there already, for fwprobe-echo, which makes it,
runs on Linux alone (Azure Cloud Shell or WSL will do):

  fwprobe-echo identity new --dir NAME.identity --host NAME.REGION.cloudapp.azure.com --output connection.txt

Move connection.txt, which contains the connection string, to NAME.identity\connection.txt. The control port is the
identity's own (identity new --control-port).
Exit codes: 0 done; 1 Azure refused; 2 usage; otherwise that of the last fwprobe run.

.EXAMPLE
.\deploy.ps1 -Group fw -Region westeurope -Name fw-contoso -Profile hpc-2008r2-sp1 -Source 203.0.113.7/32 -Server .\fwprobe-echo -ServerUrl https://files.example/fwprobe-echo -WhatIf

.EXAMPLE
.\deploy.ps1 -Delete -Group fw -Name fw-contoso
#>
[CmdletBinding(DefaultParameterSetName = 'Deploy', PositionalBinding = $false)]
param(
    # Resource group; made, and later deleted, if it does not exist yet.
    [Parameter(Mandatory = $true)] [ValidatePattern('^[A-Za-z0-9_().-]{1,90}$')] [string] $Group,
    # Of everything; first label of the DNS name.
    [Parameter(Mandatory = $true)] [ValidatePattern('^[a-z][a-z0-9-]{1,38}[a-z0-9]$')] [string] $Name,
    [Parameter(Mandatory = $true, ParameterSetName = 'Deploy')] [ValidatePattern('^[a-z0-9]+$')] [string] $Region,
    # A file in parameters\, without .json.
    [Parameter(Mandatory = $true, ParameterSetName = 'Deploy')] [Alias('Profile')] [string] $PortProfile,
    # Public IPv4 addresses of head nodes, /8 to /32, as their firewall shows them.
    [Parameter(Mandatory = $true, ParameterSetName = 'Deploy')] [string[]] $Source,
    # The static fwprobe-echo for Linux x86-64, and where the machine downloads the same file.
    [Parameter(Mandatory = $true, ParameterSetName = 'Deploy')] [string] $Server,
    [Parameter(Mandatory = $true, ParameterSetName = 'Deploy')] [ValidatePattern('^https://[^\s"''\\]+$')] [string] $ServerUrl,
    # The server's identity; otherwise NAME.identity.
    [Parameter(ParameterSetName = 'Deploy')] [string] $Identity,
    [Parameter(ParameterSetName = 'Deploy')] [ValidateSet('vm', 'scale-set')] [string] $Variant = 'vm',
    [Parameter(ParameterSetName = 'Deploy')] [ValidateRange(4, 30)] [int] $IdleTimeout = 4,
    [Parameter(ParameterSetName = 'Deploy')] [switch] $TcpReset,
    # vm: switch it off every day at that time (UTC).
    [Parameter(ParameterSetName = 'Deploy')] [ValidatePattern('^(([01][0-9]|2[0-3])[0-5][0-9])?$')] [string] $Shutdown = '',
    # Whose private half is yours to keep or to throw away. Neither network nor machine lets SSH in.
    [Parameter(ParameterSetName = 'Deploy')] [string] $SshPublicKey,
    [Parameter(ParameterSetName = 'Deploy')] [string] $DnsSuffix = 'cloudapp.azure.com',
    [Parameter(ParameterSetName = 'Deploy')] [string] $Fwprobe = 'fwprobe.exe',
    # Seconds to wait until a probe reaches it; 0: do not.
    [Parameter(ParameterSetName = 'Deploy')] [ValidateRange(0, 86400)] [int] $Wait = 900,
    [Parameter(Mandatory = $true, ParameterSetName = 'Delete')] [switch] $Delete,
    [switch] $WhatIf
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

function Stop-With([int] $Code, [string[]] $Lines) {
    foreach ($line in $Lines) { [Console]::Error.WriteLine("deploy.ps1: $line") }
    exit $Code
}

# Of the call of az just made, whose refusal is the end. It says itself what it did not like.
function Assert-Done([string] $Call) {
    if ($LASTEXITCODE -ne 0) { Stop-With 1 "$Call failed (exit code $LASTEXITCODE); nothing further is done" }
}

# Azure's words for many addresses, like Internet, are no addresses; and 0.0.0.0 may stand for all.
function Test-Source([string] $Prefix) {
    $octet = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
    if ($Prefix -notmatch "\A$octet(\.$octet){3}(/(3[0-2]|[12]?[0-9]))?\z") { return $false }
    $length = 32
    if ($Prefix.Contains('/')) { $length = [int] $Prefix.Split('/')[1] }
    return ($length -ge 8) -and -not $Prefix.StartsWith('0.')
}

function Read-Encoded([string] $File) {
    return [Convert]::ToBase64String([IO.File]::ReadAllBytes((Join-Path $Identity $File)))
}

if (-not (Get-Command az -ErrorAction SilentlyContinue)) { Stop-With 2 'az is not installed: https://aka.ms/azure-cli' }

if ($Delete) {
    $owner = az group show --name $Group --query tags.fwprobe --output tsv
    Assert-Done 'az group show'
    if ($owner -ne $Name) {
        # No --tag: az does not take it together with --resource-group.
        $mine = "[?tags.fwprobe=='$Name'].{name:name, kind:type}"
        Stop-With 2 "the resource group $Group was not made by this script for $Name, and is left alone.",
            "what is in it for ${Name}: az resource list --resource-group $Group --query `"$mine`" --output table"
    }
    if ($WhatIf) {
        az resource list --resource-group $Group --output table
        Assert-Done 'az resource list'
        Stop-With 0 "all of this would be deleted, with the resource group $Group"
    }
    az group delete --name $Group --yes
    Assert-Done 'az group delete'
    Stop-With 0 "the resource group $Group is deleted. The identity is still here; without a server it opens nothing."
}

# --- what is wrong, all of it --------------------------------------------------------------------------
$problems = @()
$dnsName = "$Name.$Region.$DnsSuffix"
if (-not $Identity) { $Identity = "$Name.identity" }
$ports = Join-Path $PSScriptRoot "parameters\$PortProfile.json"
if (-not (Test-Path $ports)) {
    $known = (Get-ChildItem (Join-Path $PSScriptRoot 'parameters') -Filter *.json).BaseName -join ' '
    $problems += "-Profile '$PortProfile': there are $known"
}
foreach ($prefix in $Source) {
    if (-not (Test-Source $prefix)) {
        $problems += "-Source '$prefix': expected an IPv4 address or prefix from /8 to /32, like 203.0.113.7/32"
    }
}
if (-not (Test-Path $Server)) { $problems += "-Server '$Server': expected the file fwprobe-echo" }
foreach ($file in 'server-key.pem', 'server-certificate.pem', 'keys.toml') {
    if (-not (Test-Path (Join-Path $Identity $file))) {
        $problems += "-Identity '$Identity': there is no $file. On Linux: fwprobe-echo identity new --dir $Identity --host $dnsName --output connection.txt"
    }
}
$connection = Join-Path $Identity 'connection.txt'
if (-not (Test-Path $connection)) {
    $problems += "-Identity '$Identity': there is no connection.txt, with the connection string that identity new made (its --output)"
}
if (-not $SshPublicKey) { $SshPublicKey = Join-Path $Identity 'ssh-nobody.pub' }
if (-not (Test-Path $SshPublicKey)) {
    $problems += "-SshPublicKey '$SshPublicKey': expected a public key: ssh-keygen -t rsa -b 3072 makes one"
}
if ($problems.Count -gt 0) { Stop-With 2 $problems }

# --- the identity --------------------------------------------------------------------------------------
# What fwprobe-echo identity show would say, which does not run here: fwprobe://ID:SECRET@HOST[,HOST...]?pin=...
# One connection string: the file holds as many as there are keys.
$first = [string] (Get-Content -TotalCount 1 $connection)
$found = [regex]::Match($first, '^fwprobe://[^@]+@([^?]+)\?')
if (-not $found.Success) { Stop-With 2 "$connection does not begin with a connection string" }
$names = $found.Groups[1].Value
if ($names.Split(',') -notcontains $dnsName) {
    Stop-With 2 "the identity $Identity is for $names, not for $dnsName",
        'use another -Name and -Region, or another -Identity'
}
$keys = [string] (Get-Content -Raw (Join-Path $Identity 'keys.toml'))
$found = [regex]::Match($keys, '(?m)^control_port *= *([0-9]+)')
if (-not $found.Success) { Stop-With 2 "$Identity\keys.toml names no control_port" }
$controlPort = [int] $found.Groups[1].Value

# --- parameters: in a file, for every user of this machine can read arguments --------------------------
$Identity = (Resolve-Path $Identity).Path
$given = @{
    name = $Name; location = $Region; variant = $Variant; controlPort = $controlPort
    sourcePrefixes = @($Source); serverUrl = $ServerUrl
    serverSha256 = (Get-FileHash -Algorithm SHA256 $Server).Hash.ToLowerInvariant()
    identityKey = Read-Encoded 'server-key.pem'
    identityCertificate = Read-Encoded 'server-certificate.pem'
    identityClientKeys = Read-Encoded 'keys.toml'
    adminPublicKey = (Get-Content -Raw $SshPublicKey).Trim()
    idleTimeoutMinutes = $IdleTimeout; tcpReset = [bool] $TcpReset; shutdownTime = $Shutdown
}
$parameters = @{}
foreach ($key in $given.Keys) { $parameters[$key] = @{ value = $given[$key] } }
$document = @{
    '$schema' = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#'
    contentVersion = '1.0.0.0'
    parameters = $parameters
}
# The user's own temporary directory: nobody else but administrators can read there.
$file = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName() + '.json')
$what = @(
    '--resource-group', $Group, '--name', "fwprobe-$Name",
    '--template-file', (Join-Path $PSScriptRoot 'main.bicep'), '--parameters', "@$ports", '--parameters', "@$file"
)
try {
    [IO.File]::WriteAllText($file, (ConvertTo-Json $document -Depth 5))
    $exists = az group exists --name $Group
    Assert-Done 'az group exists'
    # A group that is somebody's would be taken for one of ours, and be deleted some day.
    if (($exists -ne 'true') -and ($exists -ne 'false')) {
        Stop-With 1 "az group exists says '$exists', which is neither true nor false"
    }
    if ($WhatIf) {
        if ($exists -ne 'true') {
            Stop-With 0 "the resource group $Group would be made in $Region. Azure can tell the rest only once it exists",
                "(empty, it costs nothing): az group create --name $Group --location $Region --tags fwprobe=$Name"
        }
        az deployment group what-if @what
        Assert-Done 'az deployment group what-if'
        exit 0
    }
    if ($exists -ne 'true') {
        az group create --name $Group --location $Region --tags "fwprobe=$Name" --output none
        Assert-Done 'az group create'
    }
    $deployed = az deployment group create @what --query properties.outputs.host.value --output tsv
    Assert-Done 'az deployment group create'
}
finally {
    Remove-Item -Force -ErrorAction SilentlyContinue $file
}
if ($deployed -ne $dnsName) {
    Stop-With 1 "Azure names it $deployed, the connection string is for ${dnsName}: give -DnsSuffix and a new identity"
}

# --- until a probe reaches it --------------------------------------------------------------------------
if (($Wait -eq 0) -or -not (Get-Command $Fwprobe -ErrorAction SilentlyContinue)) {
    Stop-With 0 "deployed: $dnsName. On the head node: fwprobe run $PortProfile --connection-file FILE"
}
$report = [IO.Path]::GetTempFileName()
# In the user's own temporary directory, as above.
$one = [IO.Path]::GetTempFileName()
$until = (Get-Date).AddSeconds($Wait)
try {
    [IO.File]::WriteAllText($one, $first)
    while ($true) {
        $table = & $Fwprobe run $PortProfile --connection-file $one --output "json=$report"
        $status = $LASTEXITCODE
        # One port suffices: the others are then what this is all about.
        $reached = Select-String -Quiet -Pattern '"id": *"reachable(-with-loss)?"' -Path $report
        if ($reached -or ($status -eq 2) -or ((Get-Date) -ge $until)) { break }
        Start-Sleep -Seconds 10
    }
}
finally {
    Remove-Item -Force -ErrorAction SilentlyContinue $report, $one
}
$table
if ($reached) { Stop-With $status 'the server answers, and proves who it is' }
if ($status -eq 0) { $status = 3 }
Stop-With $status "no port reached the server within $Wait s. Does -Source name this machine's public address?"
