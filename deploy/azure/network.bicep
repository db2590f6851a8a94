// The public address, and a network of which the outside sees the given ports alone.

param name string
param location string
param ports array
@minLength(1)
param sourcePrefixes array
@description('The port that the load balancer asks how an instance is.')
param probedPort int
param loadBalanced bool
param idleTimeoutMinutes int
param tags object

// The whole Internet is never meant, in whatever words: 0.0.0.0/0, two halves of it, *, Internet. What has no
// length is one address; with /32 the words, or nothing at all, are no prefix that Azure takes, and the
// deployment ends. A prefix that is too short, IPv6, which the public address does not have, and 0.0.0.0, which
// may stand for all, leave the security group without any prefix, and Azure refuses it.
var cidrs = [for prefix in sourcePrefixes: contains(prefix, '/') ? prefix : '${prefix}/32']
var lengths = [for cidr in cidrs: contains(cidr, ':') || startsWith(cidr, '0.') ? 0 : int(split(cidr, '/')[1])]
var everywhere = min(lengths) < 8

var portTexts = [for port in ports: string(port)]

var clients = [
  {
    name: 'clients'
    properties: {
      description: 'Ports of the profile and the control port, from the head nodes.'
      priority: 100
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefixes: everywhere ? [] : cidrs
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRanges: portTexts
    }
  }
]

var probes = [
  {
    name: 'load-balancer-probes'
    properties: {
      description: 'How an instance is.'
      priority: 110
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: 'AzureLoadBalancer'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: string(probedPort)
    }
  }
]

// Azure's own last rules would still let in whatever is in, or peered with, this network.
var nobodyElse = [
  {
    name: 'nobody-else'
    properties: {
      description: 'Everything else, SSH included.'
      priority: 4096
      direction: 'Inbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
]

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2023-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    securityRules: concat(clients, loadBalanced ? probes : [], nobodyElse)
  }
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2023-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.77.0.0/24'
      ]
    }
    subnets: [
      {
        name: 'echo'
        properties: {
          addressPrefix: '10.77.0.0/26'
          networkSecurityGroup: {
            id: securityGroup.id
          }
        }
      }
    ]
  }
}

resource publicAddress 'Microsoft.Network/publicIPAddresses@2023-09-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Regional'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
    idleTimeoutInMinutes: idleTimeoutMinutes
    dnsSettings: {
      domainNameLabel: name
    }
  }
}

output subnetId string = virtualNetwork.properties.subnets[0].id
output publicAddressId string = publicAddress.id
output host string = publicAddress.properties.dnsSettings.fqdn
output address string = publicAddress.properties.ipAddress
