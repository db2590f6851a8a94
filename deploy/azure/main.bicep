// An echo server with a public address, for one set of ports and one set of clients. Two variants:
// a virtual machine with an address of its own, or a scale set behind a load balancer, for
// subscriptions whose policy denies public addresses on network interfaces.
//
// The identity (certificate, private key, client keys) is made before the deployment and passed in.
// So the connection string is known beforehand, and no output holds a secret. It reaches the machine in
// the protected settings of an extension: encrypted for that machine, and not readable from the API.

targetScope = 'resourceGroup'

@description('Name of everything, and first label of the DNS name: NAME.REGION.cloudapp.azure.com.')
@minLength(3)
@maxLength(40)
param name string

@description('Region. The connection string names it: changing it means a new identity.')
param location string = resourceGroup().location

@description('vm: one virtual machine with a public address. scale-set: behind a load balancer.')
@allowed([
  'vm'
  'scale-set'
])
param variant string = 'vm'

@description('Ports to listen on and to let in: those of the profile.')
@minLength(1)
param ports array

@description('One more port, outside every profile, for comparison. As in the connection string.')
param controlPort int = 8443

@description('Who may connect: the public addresses of the head nodes, in CIDR notation. No default, and the whole Internet is refused.')
@minLength(1)
param sourcePrefixes array

@description('Where the machine downloads fwprobe-echo (static, Linux x86-64) from. Secure, for it may hold a token.')
@secure()
param serverUrl string

@description('SHA-256 of that file, in hexadecimal.')
@minLength(64)
@maxLength(64)
param serverSha256 string

@description('The file server-key.pem of the identity, in base64.')
@secure()
param identityKey string

@description('The file server-certificate.pem of the identity, in base64.')
@secure()
param identityCertificate string

@description('The file keys.toml of the identity, in base64.')
@secure()
param identityClientKeys string

@description('Azure demands a way to log in. Neither the security group nor the machine lets SSH in.')
param adminPublicKey string

@description('Minutes after which Azure forgets an idle connection, without telling either end. 4 is its default.')
@minValue(4)
@maxValue(30)
param idleTimeoutMinutes int = 4

@description('scale-set only: whether the load balancer resets idle connections when it forgets them.')
param tcpReset bool = false

@description('scale-set only: how many instances. More than one blurs what a server noticed: see README.')
@minValue(1)
@maxValue(3)
param instances int = 1

@description('vm only: when to switch it off every day, as HHMM; empty: never.')
@maxLength(4)
param shutdownTime string = ''

@description('Time zone of shutdownTime, by its Windows name.')
param shutdownTimeZone string = 'UTC'

@description('Size of the machine. It needs trusted launch and generation 2.')
param size string = 'Standard_B2als_v2'

@description('Tags for every resource, besides fwprobe=NAME.')
param tags object = {}

var allTags = union(tags, { fwprobe: name })

// One array in two uses: rules of the network want text, lists join text.
var portTexts = [for port in ports: string(port)]

// Behind a load balancer, it asks how an instance is, and the security group lets nobody else ask.
var healthPort = 8080
var healthAddress = variant == 'scale-set' ? '0.0.0.0' : '127.0.0.1'

// Longer than the load balancer takes to notice that an instance leaves: two probes, 15 s apart (scale-set.bicep).
// Until then it still sends connections here.
var noticeSeconds = variant == 'scale-set' ? '35' : '0'

var configuration = 'identity = "/etc/fwprobe-echo/identity"\nports = [${join(portTexts, ', ')}]\nnotice_seconds = ${noticeSeconds}\n\n[private]\nhealth = "${healthAddress}:${healthPort}"\n'

// install.sh begins where these end. All values are base64: none of them can say anything to a shell.
var settings = [
  'server_url=${base64(serverUrl)}'
  'server_sha256=${base64(serverSha256)}'
  'identity_key=${identityKey}'
  'identity_certificate=${identityCertificate}'
  'identity_client_keys=${identityClientKeys}'
  'configuration=${base64(configuration)}'
  'unit=${base64(loadTextContent('../systemd/fwprobe-echo.service'))}'
]
var installScript = base64('#!/bin/bash\n${join(settings, '\n')}\n${loadTextContent('install.sh')}')

module network 'network.bicep' = {
  name: '${name}-network'
  params: {
    name: name
    location: location
    ports: union(ports, [controlPort])
    sourcePrefixes: sourcePrefixes
    probedPort: healthPort
    loadBalanced: variant == 'scale-set'
    idleTimeoutMinutes: idleTimeoutMinutes
    tags: allTags
  }
}

module machine 'machine.bicep' = if (variant == 'vm') {
  name: '${name}-machine'
  params: {
    name: name
    location: location
    subnetId: network.outputs.subnetId
    publicAddressId: network.outputs.publicAddressId
    adminPublicKey: adminPublicKey
    installScript: installScript
    shutdownTime: shutdownTime
    shutdownTimeZone: shutdownTimeZone
    size: size
    tags: allTags
  }
}

module scaleSet 'scale-set.bicep' = if (variant == 'scale-set') {
  name: '${name}-scale-set'
  params: {
    name: name
    location: location
    subnetId: network.outputs.subnetId
    publicAddressId: network.outputs.publicAddressId
    adminPublicKey: adminPublicKey
    installScript: installScript
    ports: union(ports, [controlPort])
    probedPort: healthPort
    idleTimeoutMinutes: idleTimeoutMinutes
    tcpReset: tcpReset
    instances: instances
    size: size
    tags: allTags
  }
}

@description('The name in the connection string.')
output host string = network.outputs.host

@description('What a firewall on premises has to let out to.')
output address string = network.outputs.address
